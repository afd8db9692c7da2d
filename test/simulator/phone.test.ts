/**
 * The simulated phone against the real service, over real sockets: what it sends, and what it shows.
 */

import assert from 'node:assert/strict'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { after, before, test } from 'node:test'
import { type PhoneOutcome, parseAnswer, readOutcome } from '../../simulator/answers.ts'
import { createHopRecorder } from '../../simulator/hops.ts'
import { createPhone, type Step } from '../../simulator/phone.ts'
import type { Simulator } from '../../simulator/simulator.ts'
import { listenOnLoopback, matching, notMatching, openPhoneWorld } from './phone-harness.ts'

let simulator: Simulator
let close: () => Promise<void>

before(async () => {
  ;({ simulator, close } = await openPhoneWorld())
})

after(() => close())

test('over cellular the phone verifies its number, and each step is told', async () => {
  const { outcome, steps } = await walk({ phoneNumber: matching })
  assert.partialDeepStrictEqual(outcome, { verified: true })
  assert.deepEqual(steps.flatMap((step) => [step, ...(step.inside ?? [])]).map(inWords), [
    'device identity_provider POST /token 200',
    'device service POST /v1/network-enablement 200',
    'service vonage POST /v0.1/network-enablement 200',
    'device vonage GET /oauth2/auth 302',
    'device carrier GET /carrier/identify 302',
    'device carrier GET /carrier/consent 302',
    'device vonage GET /oauth2/callback 302',
    'device service GET /v1/network-enablement/callback 200',
    'device service POST /v1/number-verification 200',
    'service vonage POST /oauth2/token 200',
    'service vonage POST /camara/number-verification/v031/verify 200',
  ])
})

test('a step shows neither the number nor a secret', async () => {
  let landing = ''
  const { steps } = await walk({
    phoneNumber: matching,
    beforeFinish: async (text) => {
      landing = text
    },
  })
  const { code, state } = JSON.parse(landing) as { code: string; state: string }
  const shown = JSON.stringify(steps)
  for (const secret of [matching.slice(1), code, state]) assert.equal(shown.includes(secret), false)
  assert.doesNotMatch(shown, /eyJ[\w-]{8}/)
  assert.match(shown, /\+\*{9}78/)
})

test('another number is not verified', async () => {
  const { outcome } = await walk({ phoneNumber: notMatching })
  assert.partialDeepStrictEqual(outcome, { verified: false })
})

test('over Wi-Fi the service says not_on_carrier_network', async () => {
  const { outcome, steps } = await walk({ phoneNumber: matching, network: 'wifi' })
  assert.partialDeepStrictEqual(outcome, { code: 'not_on_carrier_network', next_action: 'use_fallback' })
  assert.equal(steps.at(-1)?.status, 403)
})

test('a refused start ends the walk with the problem', async () => {
  const { outcome, steps } = await walk({ phoneNumber: 'hello' })
  assert.partialDeepStrictEqual(outcome, { code: 'invalid_phone_number', next_action: 'ask_again' })
  assert.equal(steps.length, 2)
})

test('a redirect that carries an error ends the walk with the problem', async () => {
  const { outcome } = await walk({ phoneNumber: '+99011111199' })
  assert.partialDeepStrictEqual(outcome, { code: 'authorization_failed', next_action: 'use_fallback' })
})

test('the phone does not leave the simulation', async () => {
  const { outcome, steps } = await walk({ phoneNumber: '+990000001005' })
  assert.partialDeepStrictEqual(outcome, { code: 'left_the_simulation', next_action: 'use_fallback' })
  assert.equal(inWords(steps.at(-1)), 'device elsewhere GET /oauth2/auth 0')
})

test('an attacker with the code and the state cannot collect, and the owner still can', async () => {
  const attacker = simulator.createPhone('attacker')
  const attempts: Step[] = []
  const { outcome, steps } = await walk({
    phoneNumber: matching,
    async beforeFinish(landing) {
      const accessToken = await attacker.signIn('mallory')
      const { body } = await attacker.finish(accessToken, landing, (step) => attempts.push(step))
      assert.partialDeepStrictEqual(body, { code: 'invalid_state', next_action: 'start_again' })
    },
  })
  assert.partialDeepStrictEqual(outcome, { verified: true })
  assert.deepEqual(attempts.map(inWords), ['attacker service POST /v1/number-verification 400'])
  assert.equal(inWords(steps.at(-1)), 'device service POST /v1/number-verification 200')
})

test("a victim's phone lured to an attacker's URL verifies nobody", async () => {
  const attacker = simulator.createPhone('attacker')
  const victim = simulator.createPhone()
  const started = await attacker.start(await attacker.signIn('mallory'), matching)
  const { auth_url } = started.body as { auth_url: string }
  const landed = await victim.open(auth_url, 'cellular')
  const finished = await victim.finish(await victim.signIn('victim'), landed.text)
  assert.partialDeepStrictEqual(finished.body, { code: 'invalid_state' })
})

test('each hop carries the correlation id, only the first one the network, and none an access token', async (t) => {
  const seen: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers)
    response.writeHead(302, { location: '/again' }).end()
  })
  const url = await listenOnLoopback(server)
  t.after(() => server.close())
  const phone = createPhone({
    serviceUrl: url,
    redirectUri: `${url}/callback`,
    operatorUrl: url,
    deviceUrl: url,
    issueAccessToken: async () => 'a-token',
    hops: createHopRecorder(),
    signal: new AbortController().signal,
  })
  const answer = await phone.open(`${url}/first`, 'wifi')
  server.close()

  assert.partialDeepStrictEqual(readOutcome(answer), { code: 'sdk_redirect_error' })
  assert.equal(seen.length, 10)
  assert.match(String(seen[0]?.['x-silentauth-sdk-request']), /^[0-9a-f-]{36}$/)
  assert.equal(new Set(seen.map((headers) => headers['x-silentauth-sdk-request'])).size, 1)
  assert.deepEqual(
    seen.map((headers) => headers['x-simulated-network']),
    ['wifi', ...Array(9).fill(undefined)],
  )
  assert.ok(seen.every((headers) => headers.authorization === undefined))

  const unreachable = await phone.start('a-token', matching)
  assert.partialDeepStrictEqual(readOutcome(unreachable), { code: 'sdk_connection_error' })
})

test('an outcome says how long to wait, and knows what it cannot read', () => {
  const problem = { code: 'rate_limited', next_action: 'retry', title: 'Slow down', detail: 'Wait.' }
  const headers = { 'content-type': 'application/problem+json', 'retry-after': '7' }
  const limited = parseAnswer(new Response(null, { status: 429, headers }), JSON.stringify(problem))
  assert.match(readOutcome(limited).advice, /Wait 7 s/)
  const page = parseAnswer(new Response(null, { headers: { 'content-type': 'text/html' } }), '{}')
  assert.equal(page.body, undefined)
  assert.partialDeepStrictEqual(readOutcome(page), { code: 'sdk_error', next_action: 'use_fallback' })
  const future = { ...limited, body: { ...problem, next_action: 'dance' } }
  assert.match(readOutcome(future).advice, /dance/)
})

interface WalkOptions {
  phoneNumber: string
  network?: 'cellular' | 'wifi'
  beforeFinish?: (landing: string) => Promise<void>
}

let walks = 0
async function walk(options: WalkOptions): Promise<{ outcome: PhoneOutcome; steps: Step[] }> {
  const steps: Step[] = []
  walks += 1
  const outcome = await simulator
    .createPhone()
    .verify({ subject: `caller-${walks}`, network: 'cellular', ...options }, (step) => {
      // A busy machine sheds load, and the phone repeats.
      if (step.status !== 503) steps.push(step)
    })
  return { outcome, steps }
}

function inWords(step: (Omit<Step, 'from' | 'to'> & { from: string; to: string }) | undefined): string {
  return step ? `${step.from} ${step.to} ${step.method} ${step.path} ${step.status}` : 'nothing'
}
