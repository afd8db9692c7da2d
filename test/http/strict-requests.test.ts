/** Requests that two readers could understand differently are refused. Smuggling is in test/flows/hostile-http.test.ts. */
import { beforeEach, t as file, test } from 'tap'
import { openCalmServer } from '../support/calm-server.ts'
import { assertProblem } from '../support/problem.ts'
import { appHeaders, goodToken, startPath, startWith } from '../support/public-server.ts'
import { call, only, type RawRequest, requestBytes, speak } from '../support/raw-http.ts'

const { url, starts, forget } = await openCalmServer(file)
beforeEach(forget)

const goodStart = startWith({ phone_number: '+99012345678' })
const targets = ['/livez', startPath, '/nowhere']

const ambiguous: Record<string, NonNullable<RawRequest['headers']>> = {
  'two Host headers': { host: ['bff.example', 'other.example'] },
  'the same Host twice': { host: ['bff.example', 'bff.example'] },
  'two Host headers in different case': { host: 'bff.example', HOST: 'other.example' },
  'no Host': { host: undefined },
  'an empty Host': { host: '' },
  'two Authorization headers': { authorization: [`Bearer ${goodToken}`, 'Bearer other'] },
  'two Authorization headers in different case': {
    authorization: 'Bearer other',
    AUTHORIZATION: `Bearer ${goodToken}`,
  },
  'the same Authorization twice': { authorization: [`Bearer ${goodToken}`, `Bearer ${goodToken}`] },
}

for (const [kind, headers] of Object.entries(ambiguous))
  test(`a request with ${kind} is refused, on a route and elsewhere`, async (t) => {
    for (const target of targets) assertProblem(t, await call(url, { target, headers }), 'invalid_request')
    const start = { ...goodStart, headers: { ...appHeaders, ...headers } }
    assertProblem(t, await call(url, start), 'invalid_request')
    t.strictSame(starts, [])
  })

test('a request of HTTP/1.0 needs no Host', async (t) => {
  t.equal(only(await speak(url, 'GET /livez HTTP/1.0\r\n\r\n')).status, 200)
})

const foreignTargets = [
  'http://bff.example/livez',
  'http://other.example/livez',
  'https://bff.example/livez',
  'HTTP://bff.example/livez',
  'http:///livez',
  'http://bff.example:80/livez?a=b',
]

for (const target of foreignTargets)
  test(`a request for ${target} is refused, since a proxy is not what this is`, async (t) => {
    assertProblem(t, await call(url, { target }), 'invalid_request')
  })

test('a request for the server as a whole is refused', async (t) => {
  assertProblem(t, await call(url, { method: 'OPTIONS', target: '*' }), 'invalid_request')
})

for (const query of ['%', '%zz', 'a=%f', 'a=%ff', 'a=%c0%ae', 'a=b&%e4=c', 'a=%2f%C3%A4%00&b=+'])
  test(`the query ${query}, which nobody reads, decides nothing`, async (t) => {
    t.equal((await call(url, { target: `/livez?${query}` })).status, 200)
    t.equal((await call(url, { ...goodStart, target: `${startPath}?${query}` })).status, 200)
    assertProblem(t, await call(url, { target: `/nowhere?${query}` }), 'not_found')
  })

test('a fragment is refused but at the landing page, where operators append what they like', async (t) => {
  for (const target of targets)
    assertProblem(t, await call(url, { target: `${target}?a=b#c` }), 'invalid_request')
  assertProblem(t, await call(url, { target: `${startPath}/callback?error=x#c` }), 'authorization_failed')
})

for (const encoding of ['gzip', 'br', 'deflate', 'identity', 'x', 'gzip, gzip'])
  test(`a body with Content-Encoding: ${encoding} is refused unread`, async (t) => {
    const headers = { ...appHeaders, 'content-encoding': encoding }
    assertProblem(t, await call(url, { ...goodStart, headers }), 'unsupported_media_type')
    t.strictSame(starts, [])
  })

test('two good requests on one connection are both served, in order', async (t) => {
  const first = requestBytes({ ...goodStart, headers: { ...appHeaders, connection: 'keep-alive' } })
  const answers = await speak(url, first + requestBytes(goodStart))
  t.strictSame(
    answers.map(({ status }) => status),
    [200, 200],
  )
  t.equal(starts.length, 2)
})
