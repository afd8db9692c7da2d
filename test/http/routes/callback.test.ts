/**
 * The landing page of the redirect over raw sockets: its bytes as the phones' parsers need them, what it hands out, and
 * what it refuses. It gets nothing to finish or to store anything with.
 */
import { type Test, test } from 'tap'
import { mintState } from '../../../src/core/state.ts'
import type { Verification } from '../../../src/core/verification.ts'
import { callbackRoutes, receiveUnreadable } from '../../../src/http/routes/callback.ts'
import { headerNames, readOnce } from '../../support/one-read.ts'
import { assertProblem, assertSafeHeaders } from '../../support/problem.ts'
import { only, type RawRequest, requestBytes, speak } from '../../support/raw-http.ts'
import { openRoutes } from '../../support/route-server.ts'

const path = '/v1/network-enablement/callback'
const state = mintState()
const longestCode = '"\\'.repeat(1024)
const good = query({ code: 'a-code', state })

function query(parameters: Record<string, string> | [string, string][]): string {
  return `?${new URLSearchParams(parameters)}`
}

/** Opens the landing page as a phone does, and sees the promises that hold for each of its answers. */
async function land(t: Test, url: string, search: string, request: RawRequest = {}) {
  const answer = await readOnce(t, url, { target: path + search, ...request })
  const { headers, body, firstRead, bytes } = answer
  assertSafeHeaders(t, answer)
  for (const name of headerNames(answer)) t.match(name, /^([A-Z][a-z]*)(-[A-Z][a-z]*)*$/)
  t.equal(headers.get('connection'), 'close')
  t.equal(headers.get('transfer-encoding'), null)
  t.equal(headers.get('location'), null)
  t.strictSame(firstRead, bytes)
  t.ok(bytes.length < 64 * 1024)
  if (request.method !== 'HEAD') {
    t.equal(headers.get('content-length'), String(Buffer.byteLength(body)))
    t.match(body, /^\{.*\}\n$/)
  }
  return answer
}

async function landsWell(t: Test, url: string, search: string, request: RawRequest = {}) {
  const answer = await land(t, url, search, request)
  t.equal(answer.status, 200)
  t.equal(answer.headers.get('content-type'), 'application/json')
  return { ...answer, landing: JSON.parse(answer.body) as unknown }
}

/** As the public listener has it. */
async function openLandingPage(t: Test) {
  const landings: Parameters<Verification['land']>[] = []
  const verification = { land: (...landing: Parameters<Verification['land']>) => void landings.push(landing) }
  const server = await openRoutes(t, (app) => app.register(callbackRoutes(verification)), {
    receiveUnreadable: (line) => receiveUnreadable(verification, line),
  })
  return { ...server, landings }
}

test('hands out the code and the state, in exactly these bytes', async (t) => {
  const { url } = await openLandingPage(t)
  const { body } = await landsWell(t, url, good)
  t.equal(body, `{"code":"a-code","state":"${state}"}\n`)
})

test('hands out a code of 2,048 quotes and backslashes unchanged, in one read below 64 KiB', async (t) => {
  const { url } = await openLandingPage(t)
  const { landing } = await landsWell(t, url, query({ code: longestCode, state }))
  t.strictSame(landing, { code: longestCode, state })
})

test('hands out every printable character of a code', async (t) => {
  const { url } = await openLandingPage(t)
  const code = Array.from({ length: 95 }, (_, n) => String.fromCharCode(0x20 + n)).join('')
  t.strictSame((await landsWell(t, url, query({ code, state }))).landing, { code, state })
})

test('answers a HEAD with the head of the GET', async (t) => {
  const { url } = await openLandingPage(t)
  for (const search of [good, query({ error: 'access_denied' })]) {
    const got = await land(t, url, search)
    const { status, headers } = await land(t, url, search, { method: 'HEAD' })
    t.equal(status, got.status)
    for (const name of ['content-type', 'content-length']) t.equal(headers.get(name), got.headers.get(name))
  }
})

test('answers the same whatever the phone or a proxy adds', async (t) => {
  const { url } = await openLandingPage(t)
  const { body } = await landsWell(t, url, good)
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
  for (const headers of added) t.equal((await landsWell(t, url, good, { headers })).body, body)
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
    t.strictSame((await landsWell(t, url, good + more)).landing, { code: 'a-code', state })
})

const refused: Array<[title: string, search: string]> = [
  ['no query', ''],
  ['no parameter', '?'],
  ['no code', query({ state })],
  ['no state', query({ code: 'a-code' })],
  ['an empty code', query({ code: '', state })],
  ['a code without a value', `?code&state=${state}`],
  ['an empty state', query({ code: 'a-code', state: '' })],
  ['a code of 2,049 characters', query({ code: 'x'.repeat(2049), state })],
  ['a code with a line break', query({ code: 'a\n', state })],
  ['a code with a NUL', query({ code: 'a\0', state })],
  ['a code beyond ASCII', query({ code: 'é', state })],
  ['a state of 42 characters', query({ code: 'a-code', state: state.slice(1) })],
  ['a state of 44 characters', query({ code: 'a-code', state: `${state}A` })],
  ['a state with padding', query({ code: 'a-code', state: `${state}=` })],
  ['a state with a line break at its end', query({ code: 'a-code', state: `${state}\n` })],
  ['a state in plain base64', query({ code: 'a-code', state: `${state.slice(1)}+` })],
  ["a state of Vonage's own", query({ code: 'a-code', state: 'v2_840e17a8' })],
  ['the code twice', `${good}&code=a-code`],
  ['the state twice', `${good}&state=${state}`],
  ['the code as a list', `?code[]=a-code&state=${state}`],
  ['names in capitals', `?CODE=a-code&STATE=${state}`],
  ['names with escapes', `?c%6fde=a-code&state=${state}`],
  ['parameters behind a fragment', `?x#${good}`],
  ['a state with a bad escape', `?code=a-code&state=${state.slice(3)}%ZZ`],
  ['a code that is a bare escape', `?code=%&state=${state}`],
  ['a code with half an escape', `?code=%4&state=${state}`],
  ['a code that is not UTF-8', `?code=a%FF&state=${state}`],
  ['a code with a raw byte', `?code=a\xe8&state=${state}`],
]

for (const [title, search] of refused)
  test(`refuses ${title} with invalid_state, without a word of what came`, async (t) => {
    const { url, landings } = await openLandingPage(t)
    const answer = await land(t, url, search)
    const { errors } = assertProblem(t, answer, 'invalid_state')
    t.equal(errors, undefined)
    t.notMatch(answer.bytes.toString(), /a-code|xxx|v2_/)
    t.ok(!answer.bytes.includes(state.slice(3, 40)))
    t.strictSame(landings, [])
  })

/** What nobody uses, and no reader of a query, or not even of HTTP, would take. */
const badAdditions: Record<string, string> = {
  'a Latin-1 escape': 'error_description=acc%E8s',
  'a bare escape': 'error_description=100%',
  'half an escape': 'x=%4&%zz=%',
  'an overlong escape': 'x=%c0%ae',
  'raw bytes': 'error_description=acc\xe8s',
  'raw UTF-8': 'error_description=acc\xc3\xa8s',
  'a raw space': 'error_description=access refused',
  'a control character': 'error_description=a\x01b',
  'a fragment': 'x=1#_=_',
  'a repetition': 'error_description=a&error_description=b',
}

for (const [title, addition] of Object.entries(badAdditions)) {
  test(`${title} beside an error changes neither the answer nor the count`, async (t) => {
    const { url, landings } = await openLandingPage(t)
    const answer = await land(t, url, `?error=access_denied&state=${state}&${addition}`)
    assertProblem(t, answer, 'authorization_failed')
    t.strictSame(
      landings.map(([outcome]) => outcome),
      ['access_denied'],
    )
  })

  test(`${title} beside a code and a state changes nothing`, async (t) => {
    const { url, landings } = await openLandingPage(t)
    t.strictSame((await landsWell(t, url, `${good}&${addition}`)).landing, { code: 'a-code', state })
    t.strictSame(
      landings.map(([outcome]) => outcome),
      ['code'],
    )
  })
}

for (const [title, rest, outcome] of [
  ['a state twice', `&state=${state}&state=${state}`, 'access_denied'],
  ['a state that is not ours', '&state=canary', 'access_denied'],
  ['a state with a bad escape', '&state=%', 'access_denied'],
  ['the error twice', '&error=server_error', 'access_denied'],
  ['a code twice', '&code=a&code=b', 'access_denied'],
] as const)
  test(`an error with ${title} is authorization_failed, and no state is counted`, async (t) => {
    const { url, landings } = await openLandingPage(t)
    assertProblem(t, await land(t, url, `?error=access_denied${rest}`), 'authorization_failed')
    t.strictSame(landings, [[outcome, undefined]])
  })

for (const error of ['error', 'error=', 'error=%', 'error=acc%E8s', 'error=acc\xe8s'])
  test(`${error} is an error that nobody knows`, async (t) => {
    const { url, landings } = await openLandingPage(t)
    assertProblem(t, await land(t, url, `?${error}`), 'authorization_failed')
    t.strictSame(landings, [['server_error', undefined]])
  })

test('of a request that is unreadable elsewhere, or behind a good one, nothing is counted twice', async (t) => {
  const { url, landings } = await openLandingPage(t)
  const readable = requestBytes({ target: `${path}${good}`, headers: { connection: undefined } })
  await speak(url, Buffer.from(`${readable}GET /\xe8 HTTP/1.1\r\nHost: a\r\n\r\n`, 'latin1'))
  t.strictSame(landings, [['code', state]])
  for (const unreadable of [`GET /\xe8?error=x HTTP/1.1`, `POST ${path}?error=\xe8 HTTP/1.1`]) {
    const bytes = Buffer.from(`${unreadable}\r\nHost: a\r\nConnection: close\r\n\r\n`, 'latin1')
    assertProblem(t, only(await speak(url, bytes)), 'invalid_request')
  }
  t.equal(landings.length, 1)
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
      const answer = await land(t, url, query({ error, ...others }))
      assertProblem(t, answer, 'authorization_failed')
      t.notMatch(answer.bytes.toString(), /canary/)
    }
  const notes = log.entries().map(({ note }) => note)
  t.strictSame(
    [...new Set(notes)],
    known.filter((error) => notes.includes(error)),
  )
  t.equal(notes.filter((note) => note === 'server_error').length, 4 * (unknown.length + 1))
  t.notMatch(log.lines.join(''), /canary/)
})

test('logs neither code nor state', async (t) => {
  const { url, log } = await openLandingPage(t)
  await landsWell(t, url, query({ code: 'canary-code', state }))
  await land(t, url, query({ code: 'canary-code', state: `${state}A` }))
  t.equal(log.entries().length, 2)
  t.ok(!log.lines.join('').includes('canary-code') && !log.lines.join('').includes(state))
})

test('answers what does not fit HTTP in the same way', async (t) => {
  const { url } = await openLandingPage(t)
  assertProblem(t, await land(t, url, query({ code: 'x'.repeat(9000), state })), 'headers_too_large')
  assertProblem(
    t,
    await land(t, url, good, { headers: { host: ['a.example', 'b.example'] } }),
    'invalid_request',
  )
  assertProblem(
    t,
    await land(t, url, good, { target: `http://bff.example${path}${good}` }),
    'invalid_request',
  )
  assertProblem(
    t,
    await land(t, url, good, { headers: { 'content-encoding': 'gzip' } }),
    'unsupported_media_type',
  )
})

test('refuses an Expect header that nobody knows', async (t) => {
  const { url } = await openLandingPage(t)
  const headers = { expect: 'nothing', connection: 'close' }
  assertProblem(t, await readOnce(t, url, { target: path + good, headers }), 'invalid_request')
})

for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'])
  test(`answers ${method} with method_not_allowed and Allow`, async (t) => {
    const { url } = await openLandingPage(t)
    const answer = await readOnce(t, url, { method, target: path + good, headers: { connection: 'close' } })
    assertProblem(t, answer, 'method_not_allowed')
    t.equal(answer.headers.get('allow'), 'GET, HEAD')
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
    const { url, landings } = await openLandingPage(t)
    await land(t, url, search)
    t.strictSame(landings, landed ? [landed] : [])
  })
