/**
 * The flow at the operator from the start to the answer: every row of the numbers table, and the rules of each step.
 */

import { createHash } from 'node:crypto'
import { test } from 'tap'
import { numbers } from '../../simulator/numbers.ts'
import { EXPECTED } from './expected-outcomes.ts'
import {
  accessTokenFor,
  applicationJwt,
  authUrlFor,
  codeFor,
  entryOf,
  exchange,
  readAnswer,
  redirectUri,
  start,
  startTestSimulator,
  verify,
  walk,
} from './harness.ts'

const matching = '+990555000102'
const sleptMs: number[] = []
let clockMs = Date.now()
const simulator = await startTestSimulator({
  now: () => clockMs,
  sleep: async (durationMs) => sleptMs.push(durationMs),
})

/** Runs the whole flow as far as it goes, and says how it ended. */
async function observe(phoneNumber: string): Promise<string> {
  sleptMs.length = 0
  const started = await readAnswer(() => start(simulator, phoneNumber))
  if (started.body === undefined || started.status !== 200) return `start ${started.text}`
  const entry = await entryOf(Response.json(started.body))
  if (!entry) return 'start 200 no entry'
  if (entry.error) return `start 200 ${entry.error.title}`
  const authUrl = String(entry.auth_url)
  if (!authUrl.startsWith(simulator.operatorUrl)) return `start 200 auth_url ${authUrl}`

  const { landing } = await walk(simulator, authUrl)
  const { code, state, error } = Object.fromEntries(landing.searchParams)
  if (state !== 'the-state-of-the-caller') return 'redirect with a wrong state'
  if (error) return `redirect ${error}`

  const exchanged = await readAnswer(() => exchange(simulator, code ?? ''))
  const accessToken = exchanged.body?.access_token
  if (!accessToken) return `token ${exchanged.text}`
  const verified = await readAnswer(() => verify(simulator, accessToken, { phoneNumber }))
  const late = sleptMs.map((durationMs) => `late ${durationMs}, `)
  const network = entry.requires_carrier_network
  return `${network === true ? '' : `carrier network ${network}, `}${late}verify ${verified.text}`
}

test('every row of the numbers table has an expectation here', async (t) => {
  t.strictSame(Object.keys(EXPECTED).sort(), numbers.map(({ example }) => example).sort())
})

for (const { example, number, step, description } of numbers) {
  test(`${number}: ${step}, ${description}`, async (t) => {
    t.equal(await observe(example), EXPECTED[example])
  })
}

test('leads the device over carrier hops to the redirect URI with code and the state of the caller', async (t) => {
  const { landing, hops } = await walk(simulator, await authUrlFor(simulator, matching))
  t.equal(landing.origin + landing.pathname, redirectUri)
  t.strictSame([...landing.searchParams.keys()], ['code', 'state'])
  t.equal(landing.searchParams.get('state'), 'the-state-of-the-caller')
  t.equal(hops, 4)
})

test('does not redirect a device whose auth_url was altered', async (t) => {
  const authUrl = await authUrlFor(simulator, matching)
  for (const [name, value] of Object.entries({
    state: 'v2_unknown',
    client_id: 'another',
    redirect_uri: 'https://attacker.example/',
    response_type: 'token',
    network: 'satellite',
  })) {
    const altered = new URL(authUrl)
    altered.searchParams.set(name, value)
    t.equal((await fetch(altered, { redirect: 'manual' })).status, 400, name)
  }
  for (const path of ['/carrier/identify', '/carrier/consent', '/oauth2/callback']) {
    t.equal((await fetch(`${simulator.operatorUrl}${path}?session=unknown`)).status, 400, path)
  }
})

test('over Wi-Fi still redirects with a code, and then refuses to verify', async (t) => {
  const byHeader = await accessTokenFor(simulator, matching, { 'x-simulated-network': 'wifi' })
  const { landing } = await walk(simulator, `${await authUrlFor(simulator, matching)}&network=wifi`)
  const exchanged = await exchange(simulator, landing.searchParams.get('code') ?? '')
  const { access_token: byQuery } = (await exchanged.json()) as { access_token: string }
  for (const token of [byHeader, byQuery]) {
    const response = await verify(simulator, token, { phoneNumber: matching })
    t.equal(response.status, 403)
    const { code } = (await response.json()) as { code: string }
    t.equal(code, 'NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK')
  }
})

test('answers a token request with a token for 29 seconds', async (t) => {
  const response = await exchange(simulator, await codeFor(simulator, matching))
  t.equal(response.status, 200)
  t.equal(response.headers.get('cache-control'), 'no-store')
  const { access_token, ...rest } = (await response.json()) as Record<string, unknown>
  t.equal(typeof access_token, 'string')
  t.strictSame(rest, { token_type: 'bearer', expires_in: 29 })
})

test('takes a code once', async (t) => {
  const code = await codeFor(simulator, matching)
  t.equal((await exchange(simulator, code)).status, 200)
  const again = await readAnswer(() => exchange(simulator, code))
  t.equal(again.text, '400 invalid_grant')
})

test('takes a code for 60 seconds', async (t) => {
  const code = await codeFor(simulator, matching)
  const otherCode = await codeFor(simulator, matching)
  clockMs += 59_999
  t.equal((await exchange(simulator, code)).status, 200)
  clockMs += 1
  t.equal((await readAnswer(() => exchange(simulator, otherCode))).text, '400 invalid_grant')
})

test('refuses a token request that is not as RFC 6749 wants it', async (t) => {
  const good = { grant_type: 'authorization_code', code: 'x', redirect_uri: redirectUri }
  const refusals: Array<[string | Record<string, string>, string]> = [
    [{ ...good, code: 'unknown' }, '400 invalid_grant'],
    [
      { ...good, code: await codeFor(simulator, matching), redirect_uri: `${redirectUri}/` },
      '400 invalid_grant',
    ],
    [{ ...good, grant_type: 'client_credentials' }, '400 unsupported_grant_type'],
    [{ code: 'x', redirect_uri: redirectUri }, '400 invalid_request'],
    [{ grant_type: 'authorization_code', redirect_uri: redirectUri }, '400 invalid_request'],
    [{ grant_type: 'authorization_code', code: 'x' }, '400 invalid_request'],
    [`${new URLSearchParams(good)}&code=y`, '400 invalid_request'],
    ['', '400 invalid_request'],
  ]
  for (const [form, expected] of refusals) {
    const { text } = await readAnswer(() => exchange(simulator, '', { form }))
    t.equal(text, expected, JSON.stringify(form))
  }
})

test('refuses a token request without a good application JWT, and leaves the code alone', async (t) => {
  const code = await codeFor(simulator, matching)
  const expired = await applicationJwt(simulator, { claims: { iat: 1 } })
  for (const authorization of ['', expired]) {
    const response = await exchange(simulator, code, { authorization })
    t.equal(response.headers.get('www-authenticate'), 'Bearer')
    t.equal((await readAnswer(async () => response)).text, '401 invalid_client')
  }
  t.equal((await exchange(simulator, code)).status, 200)
})

test('verifies a number in both forms', async (t) => {
  const hashedPhoneNumber = createHash('sha256').update(matching).digest('hex')
  const bodies = [
    { phoneNumber: matching },
    { hashedPhoneNumber },
    { hashedPhoneNumber: hashedPhoneNumber.toUpperCase() },
  ]
  for (const body of bodies) {
    const token = await accessTokenFor(simulator, matching)
    t.strictSame(await (await verify(simulator, token, body)).json(), { devicePhoneNumberVerified: true })
  }
})

test('does not verify another number than the one the flow was started for', async (t) => {
  const other = '+990555000104'
  const hashedPhoneNumber = createHash('sha256').update(other).digest('hex')
  for (const body of [{ phoneNumber: other }, { hashedPhoneNumber }]) {
    const token = await accessTokenFor(simulator, matching)
    t.strictSame(await (await verify(simulator, token, body)).json(), {
      devicePhoneNumberVerified: false,
    })
  }
})

test('takes an access token once, for 29 seconds, and echoes the correlator', async (t) => {
  const body = { phoneNumber: matching }
  const token = await accessTokenFor(simulator, matching)
  const late = await accessTokenFor(simulator, matching)
  clockMs += 28_999
  const first = await verify(simulator, token, body, { 'x-correlator': 'abc-1' })
  t.equal(first.status, 200)
  t.equal(first.headers.get('x-correlator'), 'abc-1')
  const again = await verify(simulator, token, body, { 'x-correlator': 'abc-2' })
  t.equal(again.headers.get('x-correlator'), 'abc-2')
  t.equal((await readAnswer(async () => again)).text, '401 UNAUTHENTICATED')
  clockMs += 1
  t.equal((await readAnswer(() => verify(simulator, late, body))).text, '401 UNAUTHENTICATED')
})

test('refuses to verify a body that is not as CAMARA wants it', async (t) => {
  const hashedPhoneNumber = createHash('sha256').update(matching).digest('hex')
  const bodies: unknown[] = [
    {},
    { phoneNumber: matching, hashedPhoneNumber },
    { phoneNumber: matching.slice(1) },
    { phoneNumber: 990555000102 },
    { hashedPhoneNumber: hashedPhoneNumber.slice(1) },
    { phone_number: matching },
    '{"phoneNumber":',
  ]
  for (const body of bodies) {
    const token = await accessTokenFor(simulator, matching)
    const { text } = await readAnswer(() => verify(simulator, token, body))
    t.equal(text, '400 INVALID_ARGUMENT', JSON.stringify(body))
  }
})
