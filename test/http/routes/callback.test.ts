/**
 * The landing page of the redirect over raw sockets: its bytes as the phones' parsers need them, what it hands out, and
 * what it refuses. It gets nothing to finish or to store anything with.
 */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { mintState } from '../../../src/core/state.ts'
import type { Verification } from '../../../src/core/verification.ts'
import type { Problem } from '../../../src/http/problem.ts'
import { callbackRoutes } from '../../../src/http/routes/callback.ts'
import { headerNames, readOnce } from '../../support/one-read.ts'
import { assertProblem, assertSafeHeaders } from '../../support/problem.ts'
import type { RawRequest } from '../../support/raw-http.ts'
import { openRoutes } from '../../support/route-server.ts'

const path = '/v1/network-enablement/callback'
const state = mintState()
const longestCode = '"\\'.repeat(1024)
const good = query({ code: 'a-code', state })

function query(parameters: Record<string, string> | [string, string][]): string {
  return `?${new URLSearchParams(parameters)}`
}

/** Opens the landing page as a phone does, and sees the promises that hold for each of its answers. */
async function land(url: string, search: string, request: RawRequest = {}) {
  const answer = await readOnce(url, { target: path + search, ...request })
  const { headers, body, firstRead, bytes } = answer
  assertSafeHeaders(answer)
  for (const name of headerNames(answer)) assert.match(name, /^([A-Z][a-z]*)(-[A-Z][a-z]*)*$/)
  assert.equal(headers.get('connection'), 'close')
  assert.equal(headers.get('transfer-encoding'), null)
  assert.equal(headers.get('location'), null)
  assert.deepEqual(firstRead, bytes)
  assert.ok(bytes.length < 64 * 1024)
  if (request.method !== 'HEAD') {
    assert.equal(headers.get('content-length'), String(Buffer.byteLength(body)))
    assert.match(body, /^\{.*\}\n$/)
  }
  return answer
}

async function landsWell(url: string, search: string, request: RawRequest = {}) {
  const answer = await land(url, search, request)
  assert.equal(answer.status, 200)
  assert.equal(answer.headers.get('content-type'), 'application/json')
  return { ...answer, landing: JSON.parse(answer.body) as unknown }
}

const openLandingPage = (t: TestContext) =>
  openRoutes(t, (app) => app.register(callbackRoutes({ land: () => {} })))

test('hands out the code and the state, in exactly these bytes', async (t) => {
  const { url } = await openLandingPage(t)
  const { body } = await landsWell(url, good)
  assert.equal(body, `{"code":"a-code","state":"${state}"}\n`)
})

test('hands out a code of 2,048 quotes and backslashes unchanged, in one read below 64 KiB', async (t) => {
  const { url } = await openLandingPage(t)
  const { landing } = await landsWell(url, query({ code: longestCode, state }))
  assert.deepEqual(landing, { code: longestCode, state })
})

test('hands out every printable character of a code', async (t) => {
  const { url } = await openLandingPage(t)
  const code = Array.from({ length: 95 }, (_, n) => String.fromCharCode(0x20 + n)).join('')
  assert.deepEqual((await landsWell(url, query({ code, state }))).landing, { code, state })
})

test('answers a HEAD with the head of the GET', async (t) => {
  const { url } = await openLandingPage(t)
  for (const search of [good, query({ error: 'access_denied' })]) {
    const got = await land(url, search)
    const { status, headers } = await land(url, search, { method: 'HEAD' })
    assert.equal(status, got.status)
    for (const name of ['content-type', 'content-length'])
      assert.equal(headers.get(name), got.headers.get(name))
  }
})

test('answers the same whatever the phone or a proxy adds', async (t) => {
  const { url } = await openLandingPage(t)
  const { body } = await landsWell(url, good)
  const added: Record<string, string>[] = [
    { accept: 'text/html,application/xhtml+xml,application/xml' },
    { accept: '*/*' },
    { accept: 'image/*' },
    { accept: 'application/problem+json', 'accept-encoding': 'gzip, br', 'accept-language': 'de' },
    { connection: 'keep-alive' },
    { 'x-silentauth-sdk-request': '5f0c7a52-7d3c-4a53-9f0e-1f2d3c4b5a69' },
    { host: 'verify.company.example:8443', 'x-forwarded-host': 'evil.example' },
    { 'x-forwarded-for': '10.0.0.1', 'x-forwarded-proto': 'http', 'x-forwarded-prefix': '/evil' },
    { forwarded: 'for=10.0.0.1;proto=http;host=evil.example' },
    { 'x-original-url': '/livez', 'x-rewrite-url': '/livez', 'x-http-method-override': 'DELETE' },
    { authorization: 'Bearer a-token', cookie: 'a=b' },
    { 'if-none-match': '*', range: 'bytes=0-1', 'upgrade-insecure-requests': '1' },
  ]
  for (const headers of added) assert.equal((await landsWell(url, good, { headers })).body, body)
})

test('ignores parameters that it does not know, also repeated and badly named ones', async (t) => {
  const { url } = await openLandingPage(t)
  for (const more of [
    '&iss=https://a.example',
    '&x=1&x=2',
    '&__proto__=1&__proto__=2',
    '&constructor=1',
    '&',
    '&=',
  ])
    assert.deepEqual((await landsWell(url, good + more)).landing, { code: 'a-code', state })
})

const pointersOf = ({ errors = [] }: Problem) => errors.map(({ pointer }) => pointer)

/** A query, and where the problem says that it does not fit. */
const refused: Array<[title: string, search: string, pointers: string[]]> = [
  ['no parameter', '', ['/code']],
  ['no code', query({ state }), ['/code']],
  ['no state', query({ code: 'a-code' }), ['/state']],
  ['an empty code', query({ code: '', state }), ['/code']],
  ['an empty state', query({ code: 'a-code', state: '' }), ['/state']],
  ['a code of 2,049 characters', query({ code: 'x'.repeat(2049), state }), ['/code']],
  ['a code with a line break', query({ code: 'a\n', state }), ['/code']],
  ['a code with a NUL', query({ code: 'a\0', state }), ['/code']],
  ['a code beyond ASCII', query({ code: 'é', state }), ['/code']],
  ['a state of 42 characters', query({ code: 'a-code', state: state.slice(1) }), ['/state']],
  ['a state of 44 characters', query({ code: 'a-code', state: `${state}A` }), ['/state']],
  ['a state with padding', query({ code: 'a-code', state: `${state}=` }), ['/state']],
  ['a state with a line break at its end', query({ code: 'a-code', state: `${state}\n` }), ['/state']],
  ['a state in plain base64', query({ code: 'a-code', state: `${state.slice(1)}+` }), ['/state']],
  ["a state of Vonage's own", query({ code: 'a-code', state: 'v2_840e17a8' }), ['/state']],
  ['the code twice', `${good}&code=a-code`, ['/code']],
  ['the state twice', `${good}&state=${state}`, ['/state']],
  ['the code as a list', `?code[]=a-code&state=${state}`, ['/code']],
  ['names in capitals', `?CODE=a-code&STATE=${state}`, ['/code']],
  [
    'error twice',
    query([
      ['error', 'access_denied'],
      ['error', 'access_denied'],
      ['state', state],
    ]),
    ['/error'],
  ],
  ['error_description twice', `?error=x&error_description=a&error_description=b`, ['/error_description']],
  ['a state with a bad escape', `?code=a-code&state=${state.slice(3)}%ZZ`, []],
]

test('refuses with invalid_request, without a word of what came:', async (t) => {
  const { url } = await openLandingPage(t)
  for (const [title, search, pointers] of refused)
    await t.test(title, async () => {
      const answer = await land(url, search)
      const problem = assertProblem(answer, 'invalid_request')
      assert.deepEqual([...new Set(pointersOf(problem))].sort(), pointers)
      assert.doesNotMatch(answer.bytes.toString(), /a-code|xxx|v2_/)
      assert.ok(!answer.bytes.includes(state.slice(3, 40)))
    })
})

test('refuses a code with a bad escape', async (t) => {
  const { url } = await openLandingPage(t)
  for (const code of ['%ZZ', '%', '%4', 'a%FF', '%C3%28'])
    assertProblem(await land(url, `?code=${code}&state=${state}`), 'invalid_request')
})

test('answers an error with authorization_failed, whatever comes with it, and logs only errors that it knows', async (t) => {
  const { url, log } = await openLandingPage(t)
  const known = [
    'invalid_request',
    'unauthorized_client',
    'access_denied',
    'unsupported_response_type',
    'invalid_scope',
    'consent_required',
    'server_error',
    'temporarily_unavailable',
  ]
  const unknown = ['', 'canary', 'ACCESS_DENIED', 'toString', 'canary\r\nx: y', 'canary'.repeat(300)]
  const error_description = 'canary <script>'
  for (const error of [...known, ...unknown])
    for (const others of [
      {},
      { error_description, error_uri: 'https://canary.example' },
      { code: 'a', state },
      { code: '' },
    ]) {
      const answer = await land(url, query({ error, ...others }))
      assertProblem(answer, 'authorization_failed')
      assert.doesNotMatch(answer.bytes.toString(), /canary/)
    }
  const notes = log.entries().map(({ note }) => note)
  assert.deepEqual(
    [...new Set(notes)],
    known.filter((error) => notes.includes(error)),
  )
  assert.equal(notes.filter((note) => note === 'server_error').length, 4 * (unknown.length + 1))
  assert.doesNotMatch(log.lines.join(''), /canary/)
})

test('logs neither code nor state', async (t) => {
  const { url, log } = await openLandingPage(t)
  await landsWell(url, query({ code: 'canary-code', state }))
  await land(url, query({ code: 'canary-code', state: `${state}A` }))
  assert.equal(log.entries().length, 2)
  assert.ok(!log.lines.join('').includes('canary-code') && !log.lines.join('').includes(state))
})

test('answers what does not fit HTTP in the same way', async (t) => {
  const { url } = await openLandingPage(t)
  assertProblem(await land(url, query({ code: 'x'.repeat(9000), state })), 'headers_too_large')
  assertProblem(await land(url, good, { headers: { host: ['a.example', 'b.example'] } }), 'invalid_request')
  assertProblem(await land(url, good, { target: `http://bff.example${path}${good}` }), 'invalid_request')
  assertProblem(await land(url, good, { headers: { 'content-encoding': 'gzip' } }), 'unsupported_media_type')
})

test('refuses an Expect header that nobody knows', async (t) => {
  const { url } = await openLandingPage(t)
  const headers = { expect: 'nothing', connection: 'close' }
  assertProblem(await readOnce(url, { target: path + good, headers }), 'invalid_request')
})

for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])
  test(`answers ${method} with method_not_allowed and Allow`, async (t) => {
    const { url } = await openLandingPage(t)
    const answer = await readOnce(url, { method, target: path + good, headers: { connection: 'close' } })
    assertProblem(answer, 'method_not_allowed')
    assert.equal(answer.headers.get('allow'), 'GET, HEAD')
  })

for (const [search, landed] of [
  [good, ['code', state]],
  [query({ error: 'access_denied', state }), ['access_denied', state]],
  [query({ error: 'carrier_says_no', state }), ['server_error', state]],
  [query({ error: 'server_error', state: 'canary' }), ['server_error', undefined]],
  [query({ error: 'server_error' }), ['server_error', undefined]],
  [query({ state }), undefined],
] as const)
  test(`${search.replace(state, '<state>')} is counted as ${landed?.[0]}`, async (t) => {
    const landings: unknown[] = []
    const note: Verification['land'] = (...landing) => void landings.push(landing)
    const { url } = await openRoutes(t, (app) => app.register(callbackRoutes({ land: note })))
    await land(url, search)
    assert.deepEqual(landings, landed ? [landed] : [])
  })
