/**
 * The simulated phone against the real service, over real sockets: what it sends, and what it shows.
 */

import { createServer, type IncomingHttpHeaders } from 'node:http'
import { before, t as file, test } from 'tap'
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

file.teardown(() => close())

test('over cellular the phone verifies its number, and each step is told', async (t) => {
  const { outcome, steps } = await walk({ phoneNumber: matching })
  t.hasStrict(outcome, { verified: true })
  t.strictSame(steps.flatMap((step) => [step, ...(step.inside ?? [])]).map(inWords), [
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

test('a step shows neither the number nor a secret', async (t) => {
  let landing = ''
  const { steps } = await walk({
    phoneNumber: matching,
    beforeFinish: async (text) => {
      landing = text
    },
  })
  const { code, state } = JSON.parse(landing) as { code: string; state: string }
  const shown = JSON.stringify(steps)
  for (const secret of [matching.slice(1), code, state]) t.equal(shown.includes(secret), false)
  t.notMatch(shown, /eyJ[\w-]{8}/)
  t.match(shown, /\+\*{9}78/)
})

test('another number is not verified', async (t) => {
  const { outcome } = await walk({ phoneNumber: notMatching })
  t.hasStrict(outcome, { verified: false })
})

test('over Wi-Fi the service says not_on_carrier_network', async (t) => {
  const { outcome, steps } = await walk({ phoneNumber: matching, network: 'wifi' })
  t.hasStrict(outcome, { code: 'not_on_carrier_network', next_action: 'use_fallback' })
  t.equal(steps.at(-1)?.status, 403)
})

test('a refused start ends the walk with the problem', async (t) => {
  const { outcome, steps } = await walk({ phoneNumber: 'hello' })
  t.hasStrict(outcome, { code: 'invalid_phone_number', next_action: 'ask_again' })
  t.equal(steps.length, 2)
})

test('a redirect that carries an error ends the walk with the problem', async (t) => {
  const { outcome } = await walk({ phoneNumber: '+99011111199' })
  t.hasStrict(outcome, { code: 'authorization_failed', next_action: 'use_fallback' })
})

test('the phone does not leave the simulation', async (t) => {
  const { outcome, steps } = await walk({ phoneNumber: '+990000001005' })
  t.hasStrict(outcome, { code: 'left_the_simulation', next_action: 'use_fallback' })
  t.equal(inWords(steps.at(-1)), 'device elsewhere GET /oauth2/auth 0')
})

test('an attacker with the code and the state cannot collect, and the owner still can', async (t) => {
  const attacker = simulator.createPhone('attacker')
  const attempts: Step[] = []
  const { outcome, steps } = await walk({
    phoneNumber: matching,
    async beforeFinish(landing) {
      const accessToken = await attacker.signIn('mallory')
      const { body } = await attacker.finish(accessToken, landing, (step) => attempts.push(step))
      t.hasStrict(body, { code: 'invalid_state', next_action: 'start_again' })
    },
  })
  t.hasStrict(outcome, { verified: true })
  t.strictSame(attempts.map(inWords), ['attacker service POST /v1/number-verification 400'])
  t.equal(inWords(steps.at(-1)), 'device service POST /v1/number-verification 200')
})

test("a victim's phone lured to an attacker's URL verifies nobody", async (t) => {
  const attacker = simulator.createPhone('attacker')
  const victim = simulator.createPhone()
  const started = await attacker.start(await attacker.signIn('mallory'), matching)
  const { auth_url } = started.body as { auth_url: string }
  const landed = await victim.open(auth_url, 'cellular')
  const finished = await victim.finish(await victim.signIn('victim'), landed.text)
  t.hasStrict(finished.body, { code: 'invalid_state' })
})

test('each hop carries the correlation id, only the first one the network, and none an access token', async (t) => {
  const seen: IncomingHttpHeaders[] = []
  const server = createServer((request, response) => {
    seen.push(request.headers)
    response.writeHead(302, { location: '/again' }).end()
  })
  const url = await listenOnLoopback(server)
  t.teardown(() => server.close())
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

  t.hasStrict(readOutcome(answer), { code: 'sdk_redirect_error' })
  t.equal(seen.length, 10)
  t.match(String(seen[0]?.['x-silentauth-sdk-request']), /^[0-9a-f-]{36}$/)
  t.equal(new Set(seen.map((headers) => headers['x-silentauth-sdk-request'])).size, 1)
  t.strictSame(
    seen.map((headers) => headers['x-simulated-network']),
    ['wifi', ...Array(9).fill(undefined)],
  )
  t.ok(seen.every((headers) => headers.authorization === undefined))

  const unreachable = await phone.start('a-token', matching)
  t.hasStrict(readOutcome(unreachable), { code: 'sdk_connection_error' })
})

test('an outcome says how long to wait, and knows what it cannot read', async (t) => {
  const problem = { code: 'rate_limited', next_action: 'retry', title: 'Slow down', detail: 'Wait.' }
  const headers = { 'content-type': 'application/problem+json', 'retry-after': '7' }
  const limited = parseAnswer(new Response(null, { status: 429, headers }), JSON.stringify(problem))
  t.match(readOutcome(limited).advice, /Wait 7 s/)
  const page = parseAnswer(new Response(null, { headers: { 'content-type': 'text/html' } }), '{}')
  t.equal(page.body, undefined)
  t.hasStrict(readOutcome(page), { code: 'sdk_error', next_action: 'use_fallback' })
  const future = { ...limited, body: { ...problem, next_action: 'dance' } }
  t.match(readOutcome(future).advice, /dance/)
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
