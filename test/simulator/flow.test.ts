/**
 * The flow at the operator from the start to the answer: every row of the numbers table, and the rules of each step.
 */

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { NUMBERS } from '../../simulator/numbers.ts'
import {
  accessTokenFor,
  applicationJwt,
  authUrlFor,
  codeFor,
  entryOf,
  exchange,
  REDIRECT_URI,
  start,
  startTestSimulator,
  verify,
  walk,
} from './harness.ts'

const MATCHING = '+990555000102'
const sleptMs: number[] = []
let clockMs = Date.now()
const simulator = await startTestSimulator({
  now: () => clockMs,
  sleep: async (durationMs) => sleptMs.push(durationMs),
})

/** What each row must look like to a client of the operator. */
const EXPECTED: Record<string, string> = {
  '+99012345678': 'verify 200 true',
  '+99012345677': 'verify 200 false',
  '+99011111199': 'redirect server_error',
  '+990000001001': 'start 200 Forbidden',
  '+990000001002': 'start 200 no entry',
  '+990000001003': 'start 200 auth_url undefined',
  '+990000001004': 'start 200 auth_url http://attacker.example/oauth2/auth',
  '+990000001005': 'start 200 auth_url https://attacker.example/oauth2/auth',
  '+990000001006': 'carrier network undefined, verify 200 true',
  '+990000001007': 'carrier network false, verify 200 true',
  '+990000001008': 'start 402 low-balance',
  '+990000001009': 'start 422 invalid-params',
  '+990000001010': 'start 500 internal-error',
  '+990000001011': 'start 503 unreadable, Retry-After 2',
  '+990000001012': 'start 200 unreadable',
  '+990000001013': 'start 200 unreadable',
  '+990000001014': 'start 302 unreadable',
  '+990000001015': 'late 8000, verify 200 true',
  '+990000001016': 'start cut',
  '+990000001017': 'start cut',
  '+990000001020': 'redirect access_denied',
  '+990000001021': 'redirect temporarily_unavailable',
  '+990000001022': 'redirect carrier_says_no',
  '+990000001023': 'redirect with a wrong state',
  '+990000001030': 'token 400 invalid_grant',
  '+990000001031': 'token 401 invalid_client',
  '+990000001032': 'token 500 internal-error',
  '+990000001033': 'token 200 unreadable',
  '+990000001034': 'late 15000, verify 200 true',
  '+990000001035': 'token cut',
  '+990000001040': 'verify 200 false',
  '+990000001041': 'verify 403 NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK',
  '+990000001042': 'verify 403 NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT',
  '+990000001043': 'verify 403 PERMISSION_DENIED',
  '+990000001044': 'verify 401 UNAUTHENTICATED',
  '+990000001045': 'verify 500 INTERNAL',
  '+990000001046': 'verify 503 UNAVAILABLE',
  '+990000001047': 'verify 504 TIMEOUT',
  '+990000001048': 'verify 200 unreadable',
  '+990000001049': 'verify 200 undefined',
  '+990000001050': 'late 15000, verify 200 true',
  '+990000001051': 'verify cut',
  '+990555000199': 'redirect server_error',
  '+990555000102': 'verify 200 true',
  '+990555000103': 'verify 200 false',
  '+447700900123': 'start 200 Forbidden',
}

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

async function readAnswer(send: () => Promise<Response>) {
  const response = await send().catch(() => undefined)
  const text = await response?.text().catch(() => undefined)
  if (!response || text === undefined) return { status: 0, text: 'cut', body: undefined }
  const { status, headers } = response
  const body = headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined
  const retryAfter = headers.has('retry-after') ? `, Retry-After ${headers.get('retry-after')}` : ''
  if (body === undefined) return { status, text: `${status} unreadable${retryAfter}`, body }
  const result =
    status === 200 ? body.devicePhoneNumberVerified : (body.code ?? body.error ?? body.type.split('#')[1])
  return { status, text: `${status} ${result}`, body: body as { access_token?: string } }
}

test('every row of the numbers table has an expectation here', () => {
  assert.deepEqual(Object.keys(EXPECTED).sort(), NUMBERS.map(({ example }) => example).sort())
})

for (const { example, number, step, description } of NUMBERS) {
  test(`${number}: ${step}, ${description}`, async () => {
    assert.equal(await observe(example), EXPECTED[example])
  })
}

test('leads the device over carrier hops to the redirect URI with code and the state of the caller', async () => {
  const { landing, hops } = await walk(simulator, await authUrlFor(simulator, MATCHING))
  assert.equal(landing.origin + landing.pathname, REDIRECT_URI)
  assert.deepEqual([...landing.searchParams.keys()], ['code', 'state'])
  assert.equal(landing.searchParams.get('state'), 'the-state-of-the-caller')
  assert.equal(hops, 4)
})

test('does not redirect a device whose auth_url was altered', async () => {
  const authUrl = await authUrlFor(simulator, MATCHING)
  for (const [name, value] of Object.entries({
    state: 'v2_unknown',
    client_id: 'another',
    redirect_uri: 'https://attacker.example/',
    response_type: 'token',
    network: 'satellite',
  })) {
    const altered = new URL(authUrl)
    altered.searchParams.set(name, value)
    assert.equal((await fetch(altered, { redirect: 'manual' })).status, 400, name)
  }
  for (const path of ['/carrier/identify', '/carrier/consent', '/oauth2/callback']) {
    assert.equal((await fetch(`${simulator.operatorUrl}${path}?session=unknown`)).status, 400, path)
  }
})

test('over Wi-Fi still redirects with a code, and then refuses to verify', async () => {
  const byHeader = await accessTokenFor(simulator, MATCHING, { 'x-simulated-network': 'wifi' })
  const { landing } = await walk(simulator, `${await authUrlFor(simulator, MATCHING)}&network=wifi`)
  const exchanged = await exchange(simulator, landing.searchParams.get('code') ?? '')
  const { access_token: byQuery } = (await exchanged.json()) as { access_token: string }
  for (const token of [byHeader, byQuery]) {
    const response = await verify(simulator, token, { phoneNumber: MATCHING })
    assert.equal(response.status, 403)
    const { code } = (await response.json()) as { code: string }
    assert.equal(code, 'NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK')
  }
})

test('answers a token request with a token for 29 seconds', async () => {
  const response = await exchange(simulator, await codeFor(simulator, MATCHING))
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('cache-control'), 'no-store')
  const { access_token, ...rest } = (await response.json()) as Record<string, unknown>
  assert.equal(typeof access_token, 'string')
  assert.deepEqual(rest, { token_type: 'bearer', expires_in: 29 })
})

test('takes a code once', async () => {
  const code = await codeFor(simulator, MATCHING)
  assert.equal((await exchange(simulator, code)).status, 200)
  const again = await readAnswer(() => exchange(simulator, code))
  assert.equal(again.text, '400 invalid_grant')
})

test('takes a code for 60 seconds', async () => {
  const code = await codeFor(simulator, MATCHING)
  const otherCode = await codeFor(simulator, MATCHING)
  clockMs += 59_999
  assert.equal((await exchange(simulator, code)).status, 200)
  clockMs += 1
  assert.equal((await readAnswer(() => exchange(simulator, otherCode))).text, '400 invalid_grant')
})

test('refuses a token request that is not as RFC 6749 wants it', async () => {
  const good = { grant_type: 'authorization_code', code: 'x', redirect_uri: REDIRECT_URI }
  const refusals: Array<[string | Record<string, string>, string]> = [
    [{ ...good, code: 'unknown' }, '400 invalid_grant'],
    [
      { ...good, code: await codeFor(simulator, MATCHING), redirect_uri: `${REDIRECT_URI}/` },
      '400 invalid_grant',
    ],
    [{ ...good, grant_type: 'client_credentials' }, '400 unsupported_grant_type'],
    [{ code: 'x', redirect_uri: REDIRECT_URI }, '400 invalid_request'],
    [{ grant_type: 'authorization_code', redirect_uri: REDIRECT_URI }, '400 invalid_request'],
    [{ grant_type: 'authorization_code', code: 'x' }, '400 invalid_request'],
    [`${new URLSearchParams(good)}&code=y`, '400 invalid_request'],
    ['', '400 invalid_request'],
  ]
  for (const [form, expected] of refusals) {
    const { text } = await readAnswer(() => exchange(simulator, '', { form }))
    assert.equal(text, expected, JSON.stringify(form))
  }
})

test('refuses a token request without a good application JWT, and leaves the code alone', async () => {
  const code = await codeFor(simulator, MATCHING)
  const expired = await applicationJwt(simulator, { claims: { iat: 1 } })
  for (const authorization of ['', expired]) {
    const response = await exchange(simulator, code, { authorization })
    assert.equal(response.headers.get('www-authenticate'), 'Bearer')
    assert.equal((await readAnswer(async () => response)).text, '401 invalid_client')
  }
  assert.equal((await exchange(simulator, code)).status, 200)
})

test('verifies a number in both forms', async () => {
  const hashedPhoneNumber = createHash('sha256').update(MATCHING).digest('hex')
  const bodies = [
    { phoneNumber: MATCHING },
    { hashedPhoneNumber },
    { hashedPhoneNumber: hashedPhoneNumber.toUpperCase() },
  ]
  for (const body of bodies) {
    const token = await accessTokenFor(simulator, MATCHING)
    assert.deepEqual(await (await verify(simulator, token, body)).json(), { devicePhoneNumberVerified: true })
  }
})

test('does not verify another number than the one the flow was started for', async () => {
  const other = '+990555000104'
  const hashedPhoneNumber = createHash('sha256').update(other).digest('hex')
  for (const body of [{ phoneNumber: other }, { hashedPhoneNumber }]) {
    const token = await accessTokenFor(simulator, MATCHING)
    assert.deepEqual(await (await verify(simulator, token, body)).json(), {
      devicePhoneNumberVerified: false,
    })
  }
})

test('takes an access token once, for 29 seconds, and echoes the correlator', async () => {
  const body = { phoneNumber: MATCHING }
  const token = await accessTokenFor(simulator, MATCHING)
  const late = await accessTokenFor(simulator, MATCHING)
  clockMs += 28_999
  const first = await verify(simulator, token, body, { 'x-correlator': 'abc-1' })
  assert.equal(first.status, 200)
  assert.equal(first.headers.get('x-correlator'), 'abc-1')
  const again = await verify(simulator, token, body, { 'x-correlator': 'abc-2' })
  assert.equal(again.headers.get('x-correlator'), 'abc-2')
  assert.equal((await readAnswer(async () => again)).text, '401 UNAUTHENTICATED')
  clockMs += 1
  assert.equal((await readAnswer(() => verify(simulator, late, body))).text, '401 UNAUTHENTICATED')
})

test('refuses to verify a body that is not as CAMARA wants it', async () => {
  const hashedPhoneNumber = createHash('sha256').update(MATCHING).digest('hex')
  const bodies: unknown[] = [
    {},
    { phoneNumber: MATCHING, hashedPhoneNumber },
    { phoneNumber: MATCHING.slice(1) },
    { phoneNumber: 990555000102 },
    { hashedPhoneNumber: hashedPhoneNumber.slice(1) },
    { phone_number: MATCHING },
    '{"phoneNumber":',
  ]
  for (const body of bodies) {
    const token = await accessTokenFor(simulator, MATCHING)
    const { text } = await readAnswer(() => verify(simulator, token, body))
    assert.equal(text, '400 INVALID_ARGUMENT', JSON.stringify(body))
  }
})
