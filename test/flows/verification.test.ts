/**
 * The whole story over real sockets: token, start, the device's hops over the carrier, landing page, finish. Every number of
 * the virtual operator has its documented answer at the service.
 */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
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
  number: string,
  [step, { status, body }]: [Step, Answer],
  [expectedStep, outcome]: Expectation,
): void {
  assert.equal(step, expectedStep)
  if (typeof outcome === 'boolean') {
    assert.equal(status, 200)
    assert.deepEqual(body, { phone_number: number, phone_number_verified: outcome })
  } else {
    assert.equal(body.code, outcome)
    assert.equal(status, contract[outcome][0])
  }
}

const world = await openWorld(after)
const token = await world.tokenOf('alice')

test('every number of the virtual operator has an expectation here', () => {
  assert.deepEqual(
    Object.keys({ ...expectations, ...lateExpectations }).sort(),
    numbers.map(({ example }) => example).sort(),
  )
})

// One after the other and in this order, in which no five faults in a row open a circuit.
for (const [number, expectation] of Object.entries(expectations))
  test(`${number} ends at the ${expectation.join(' with ')}`, async () => {
    assertOutcome(number, await verify(world, token, number), expectation)
  })

test('late answers:', { concurrency: true }, async (t) => {
  const forever = (_durationMs: number, signal: AbortSignal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const deadlines = { START_TIMEOUT_MS: '1500', FINISH_TIMEOUT_MS: '1500' }
  const lateWorld = await openWorld((close) => t.after(close), deadlines, { sleep: forever })
  const bob = await lateWorld.tokenOf('bob')
  await Promise.all(
    Object.entries(lateExpectations).map(([number, expectation]) =>
      t.test(`${number} ends at the ${expectation.join(' with ')}`, async () => {
        assertOutcome(number, await verify(lateWorld, bob, number), expectation)
      }),
    ),
  )
  assert.deepEqual([lateWorld.exchanges(), lateWorld.checks()], [2, 1])
})

test('the start answers exactly two members, and tells the app which network the URL needs', async () => {
  for (const [number, requiresCarrierNetwork] of [
    ['+99012345678', true],
    ['+990000001006', true],
    ['+990000001007', false],
  ] as const) {
    const { status, body } = await world.start(token, number)
    assert.equal(status, 200)
    assert.deepEqual(Object.keys(body), ['auth_url', 'requires_carrier_network'])
    assert.equal(body.requires_carrier_network, requiresCarrierNetwork)
  }
})

test('a device on Wi-Fi gets a code, and the finish says that it came over the wrong network', async () => {
  const landing = await world.landingOf(token, '+99012345678', { network: 'wifi' })
  const finished = await world.finish(token, landing)
  assertOutcome('+99012345678', ['finish', finished], ['finish', 'not_on_carrier_network'])
})

test("Retry-After of the operator's own 503 reaches the app", async () => {
  const { headers } = await world.start(token, '+990000001011')
  assert.equal(headers.get('retry-after'), '2')
})

test('a failed finish has used the state up, and a repeat asks the operator nothing', async () => {
  for (const number of ['+990000001030', '+990000001041', '+990000001051']) {
    const landing = await world.landingOf(token, number)
    assert.notEqual((await world.finish(token, landing)).status, 200)
    const before = [world.exchanges(), world.checks()]
    assertOutcome(number, ['finish', await world.finish(token, landing)], ['finish', 'invalid_state'])
    assert.deepEqual([world.exchanges(), world.checks()], before)
  }
})

test('several verifications of one caller live side by side, and end in any order', async () => {
  const carol = await world.tokenOf('carol')
  const even = await world.landingOf(carol, '+99012345678')
  const odd = await world.landingOf(carol, '+99012345677')
  assertOutcome('+99012345677', ['finish', await world.finish(carol, odd)], ['finish', false])
  assertOutcome('+99012345678', ['finish', await world.finish(carol, even)], ['finish', true])
})

test('an auth_url on any https host is handed out when no hosts are set', async (t) => {
  const open = await openWorld((close) => t.after(close), { VONAGE_AUTH_URL_HOSTS: '' })
  const { body } = await open.start(await open.tokenOf('alice'), '+990000001005')
  assert.equal(body.auth_url, 'https://attacker.example/oauth2/auth')
})

test('the operator sees neither the access token of the caller nor any header of the phone', async () => {
  await verify(world, token, '+99012345678')
  const calls = JSON.stringify(world.simulator.received())
  assert.ok(!calls.includes(token))
  assert.doesNotMatch(calls, /"(user-agent|cookie|x-forwarded-for|x-request-id)"/i)
})
