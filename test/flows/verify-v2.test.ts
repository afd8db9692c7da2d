/**
 * The same story with Verify v2 behind the service: every number of its virtual operator has the documented answer, and an app cannot
 * tell which product runs.
 */

import { connect } from 'node:net'
import { t as file, type Test, test } from 'tap'
import type { Network } from '../../simulator/phone.ts'
import { verifyNumbers } from '../../simulator/verify-v2/numbers.ts'
import { verify } from '../support/number-expectations.ts'
import { contract } from '../support/problem.ts'
import { startRawServer } from '../support/raw-server.ts'
import { openWorld, type World } from '../support/service.ts'
import {
  lateVerifyV2Expectations,
  type VerifyV2Expectation,
  verifyV2Expectations,
  voidAtTheDevice,
} from '../support/verify-v2-expectations.ts'

const verifyProduct = { VONAGE_PRODUCT: 'verify', VONAGE_REDIRECT_URI: '' }

const world = await openWorld((close) => file.teardown(close), verifyProduct)
const token = await world.tokenOf('alice')

async function assertOutcome(
  t: Test,
  { world, token }: { world: World; token: string },
  number: string,
  [expectedStep, outcome]: VerifyV2Expectation,
): Promise<void> {
  const [step, { status, body, text }] = await verify(world, token, number)
  t.equal(step, expectedStep, text)
  if (typeof outcome === 'number') {
    t.equal(status, outcome)
    t.ok(!('next_action' in body), "Vonage's own words")
  } else if (outcome === true) {
    t.equal(status, 200, text)
    t.strictSame(body, { phone_number: number, phone_number_verified: true })
  } else {
    t.equal(body.code, outcome)
    t.equal(status, contract[outcome][0])
  }
}

test('every number of the virtual Verify v2 has an expectation here', async (t) => {
  t.strictSame(
    [...Object.keys({ ...verifyV2Expectations, ...lateVerifyV2Expectations }), ...voidAtTheDevice].sort(),
    verifyNumbers.map(({ example }) => example).sort(),
  )
})

test('a device that gets nothing of use tells the app to offer another way, and posts nothing', async (t) => {
  const phone = world.simulator.createPhone()
  for (const phoneNumber of voidAtTheDevice) {
    const outcome = await phone.verify({ subject: 'dave', phoneNumber, network: 'cellular' })
    t.equal('next_action' in outcome && outcome.next_action, 'use_fallback')
  }
})

test('the start answers exactly two members, and Verify sees neither the access token nor any header of the phone', async (t) => {
  const { status, body } = await world.start(await world.tokenOf('carol'), '+990000000056')
  t.equal(status, 200)
  t.strictSame(Object.keys(body), ['auth_url', 'requires_carrier_network'])
  t.equal(body.requires_carrier_network, true)
  const calls = JSON.stringify(world.simulator.received())
  t.ok(!calls.includes(token))
  t.notMatch(calls, /"(user-agent|cookie|x-forwarded-for|x-request-id)"/i)
})

test('the metrics tell the two calls of Verify apart, and wait for no device on the landing page', async (t) => {
  const own = await openWorld((close) => t.teardown(close), verifyProduct)
  const bob = await own.tokenOf('bob')
  for (const number of ['+99012345678', '+99012345677']) await verify(own, bob, number)
  const { text } = await own.send(`${own.service.managementUrl}/metrics`)
  const sampleOf = (series: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')[1] ?? 0,
    )
  const calls = (call: string) =>
    sampleOf(`nebff_upstream_request_duration_seconds_count{call="${call}",outcome="2xx"}`)
  t.strictSame([calls('verify_v2'), calls('verify_v2_check')], [2, 1])
  t.equal(sampleOf('nebff_verifications_url_issued_total{country="990"}'), 2)
  t.equal(sampleOf('nebff_verifications_finished_total{country="990",result="match"}'), 1)
  t.equal(sampleOf('nebff_circuit_state{call="verify_v2"}'), 0)
  t.notMatch(text, /^nebff_(upstream|circuit)\w*\{call="(network_enablement|token|verify)"/m)
  t.notMatch(text, /^nebff_verifications_landed_total\{outcome="code"\} [1-9]/m)
})

for (const [number, expectation] of Object.entries(verifyV2Expectations))
  test(`${number} ends at the ${expectation.join(' with ')}`, async (t) =>
    assertOutcome(t, { world, token }, number, expectation))

test('late answers of Verify v2 end with the deadline', async (t) => {
  const forever = (_durationMs: number, signal: AbortSignal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const deadlines = { ...verifyProduct, START_TIMEOUT_MS: '1500', FINISH_TIMEOUT_MS: '1500' }
  const lateWorld = await openWorld((close) => t.teardown(close), deadlines, { sleep: forever })
  const bob = { world: lateWorld, token: await lateWorld.tokenOf('bob') }
  await Promise.all(
    Object.entries(lateVerifyV2Expectations).map(([number, expectation]) =>
      assertOutcome(t, bob, number, expectation),
    ),
  )
})

/** An app's requests to the service as they are on the wire, on their way through a recorder. */
async function recordApp(t: Test, settings: Record<string, string>) {
  let servicePort = 0
  const recorder = await startRawServer(t, {
    onRequest(socket) {
      const upstream = connect(servicePort, '127.0.0.1')
      upstream.on('error', () => socket.destroy())
      socket.once('close', () => upstream.destroy())
      upstream.write(recorder.requests.at(-1) ?? '', 'latin1')
      upstream.pipe(socket, { end: false })
    },
  })
  const serviceUrl = `http://127.0.0.1:${recorder.port}`
  const { service, simulator } = await openWorld((close) => t.teardown(close), settings, { serviceUrl })
  servicePort = Number(new URL(service.url).port)
  const phone = simulator.createPhone()

  return {
    /** @returns each request, but for what differs from caller to caller, and the object that the device got */
    async walk(phoneNumber: string, network: Network) {
      const before = recorder.requests.length
      let posted = ''
      const outcome = await phone.verify({
        subject: 'alice',
        phoneNumber,
        network,
        async beforeFinish(landing) {
          posted = landing
        },
      })
      const requests = recorder.requests
        .slice(before)
        .filter((request) => request.startsWith('POST '))
        .map((request) =>
          request
            .replace(/(?<=\r\nauthorization: Bearer )\S+/i, 'a-token')
            .replace(/(?<=\r\nhost: 127\.0\.0\.1:)\d+/i, 'a-port'),
        )
      return { requests, posted, verified: 'verified' in outcome && outcome.verified }
    },
  }
}

test('one app runs every flow of both products, and what it sends to the service differs in the posted object alone', async (t) => {
  const [former, successor] = [await recordApp(t, {}), await recordApp(t, verifyProduct)]
  for (const [number, network, finishes] of [
    ['+99012345678', 'cellular', [true, true]],
    ['+99012345677', 'cellular', [true, false]],
    ['+99011111199', 'cellular', [false, false]],
    ['+990000000012', 'wifi', [true, false]],
  ] as const) {
    const walks = [await former.walk(number, network), await successor.walk(number, network)]
    t.strictSame(
      walks.map(({ requests }) => requests.length === 2),
      finishes,
      'who has an object posts it',
    )
    t.equal(walks[0]?.requests[0], walks[1]?.requests[0], 'the same start')
    const finishesSent = walks.flatMap(({ requests, posted }) => {
      const [, finish] = requests
      if (finish === undefined) return []
      t.ok(finish.endsWith(`\r\n\r\n${posted}`), 'the object as the device got it')
      return finish.replace(posted, '').replace(`content-length: ${posted.length}`, 'content-length: n')
    })
    t.equal(new Set(finishesSent).size, finishesSent.length === 0 ? 0 : 1, finishesSent.join('\n'))
    if (number === '+99012345678') {
      t.strictSame(
        walks.map(({ verified }) => verified),
        [true, true],
      )
      const names = walks.map(({ posted }) => Object.keys(JSON.parse(posted)).sort())
      t.strictSame(names, [
        ['code', 'state'],
        ['code', 'request_id'],
      ])
    }
  }
})
