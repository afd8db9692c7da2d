/**
 * The whole story over real sockets: token, start, the device's hops over the carrier, landing page, finish. Every number of
 * the virtual operator has its documented answer at the service.
 */
import { t as file, type Test, test } from 'tap'
import { numbers } from '../../simulator/numbers.ts'
import {
  type Expectation,
  expectations,
  lateExpectations,
  type Step,
  verify,
} from '../support/number-expectations.ts'
import { contract } from '../support/problem.ts'
import { type Answer, openWorld } from '../support/service.ts'

function assertOutcome(
  t: Test,
  number: string,
  [step, { status, body }]: [Step, Answer],
  [expectedStep, outcome]: Expectation,
): void {
  t.equal(step, expectedStep)
  if (typeof outcome === 'boolean') {
    t.equal(status, 200)
    t.strictSame(body, { phone_number: number, phone_number_verified: outcome })
  } else {
    t.equal(body.code, outcome)
    t.equal(status, contract[outcome][0])
  }
}

const world = await openWorld((close) => file.teardown(close))
const token = await world.tokenOf('alice')

test('every number of the virtual operator has an expectation here', async (t) => {
  t.strictSame(
    Object.keys({ ...expectations, ...lateExpectations }).sort(),
    numbers.map(({ example }) => example).sort(),
  )
})

// One after the other and in this order, in which no five faults in a row open a circuit.
for (const [number, expectation] of Object.entries(expectations))
  test(`${number} ends at the ${expectation.join(' with ')}`, async (t) => {
    assertOutcome(t, number, await verify(world, token, number), expectation)
  })

test('late answers:', { jobs: 8 }, async (t) => {
  const forever = (_durationMs: number, signal: AbortSignal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const deadlines = { START_TIMEOUT_MS: '1500', FINISH_TIMEOUT_MS: '1500' }
  const lateWorld = await openWorld((close) => t.teardown(close), deadlines, { sleep: forever })
  const bob = await lateWorld.tokenOf('bob')
  await Promise.all(
    Object.entries(lateExpectations).map(([number, expectation]) =>
      t.test(`${number} ends at the ${expectation.join(' with ')}`, async (t) => {
        assertOutcome(t, number, await verify(lateWorld, bob, number), expectation)
      }),
    ),
  )
  t.strictSame([lateWorld.exchanges(), lateWorld.checks()], [2, 1])
})

test('the start answers exactly two members, and tells the app which network the URL needs', async (t) => {
  for (const [number, requiresCarrierNetwork] of [
    ['+99012345678', true],
    ['+990000001006', true],
    ['+990000001007', false],
  ] as const) {
    const { status, body } = await world.start(token, number)
    t.equal(status, 200)
    t.strictSame(Object.keys(body), ['auth_url', 'requires_carrier_network'])
    t.equal(body.requires_carrier_network, requiresCarrierNetwork)
  }
})

test('a device on Wi-Fi gets a code, and the finish says that it came over the wrong network', async (t) => {
  const landing = await world.landingOf(token, '+99012345678', { network: 'wifi' })
  const finished = await world.finish(token, landing)
  assertOutcome(t, '+99012345678', ['finish', finished], ['finish', 'not_on_carrier_network'])
})

test("Retry-After of the operator's own 503 reaches the app", async (t) => {
  const { headers } = await world.start(token, '+990000001011')
  t.equal(headers.get('retry-after'), '2')
})

test('a failed finish has used the state up, and a repeat asks the operator nothing', async (t) => {
  for (const number of ['+990000001030', '+990000001041', '+990000001051']) {
    const landing = await world.landingOf(token, number)
    t.not((await world.finish(token, landing)).status, 200)
    const before = [world.exchanges(), world.checks()]
    assertOutcome(t, number, ['finish', await world.finish(token, landing)], ['finish', 'invalid_state'])
    t.strictSame([world.exchanges(), world.checks()], before)
  }
})

test('several verifications of one caller live side by side, and end in any order', async (t) => {
  const carol = await world.tokenOf('carol')
  const even = await world.landingOf(carol, '+99012345678')
  const odd = await world.landingOf(carol, '+99012345677')
  assertOutcome(t, '+99012345677', ['finish', await world.finish(carol, odd)], ['finish', false])
  assertOutcome(t, '+99012345678', ['finish', await world.finish(carol, even)], ['finish', true])
})

test('an auth_url on any https host is handed out when no hosts are set', async (t) => {
  const open = await openWorld((close) => t.teardown(close), { VONAGE_AUTH_URL_HOSTS: '' })
  const { body } = await open.start(await open.tokenOf('alice'), '+990000001005')
  t.equal(body.auth_url, 'https://attacker.example/oauth2/auth')
})

test('the operator sees neither the access token of the caller nor any header of the phone', async (t) => {
  await verify(world, token, '+99012345678')
  const calls = JSON.stringify(world.simulator.received())
  t.ok(!calls.includes(token))
  t.notMatch(calls, /"(user-agent|cookie|x-forwarded-for|x-request-id)"/i)
})
