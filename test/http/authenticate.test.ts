/** The guard: which Authorization headers reach the token verifier, and what its refusals look like. */
import { beforeEach, t as file, test } from 'tap'
import type { FailureCode } from '../../src/core/failures.ts'
import { openCalmServer } from '../support/calm-server.ts'
import { assertProblem } from '../support/problem.ts'
import { goodToken, startPath, startWith } from '../support/public-server.ts'
import { call, only, requestBytes, speak } from '../support/raw-http.ts'
import { callerOf } from '../support/unobserved.ts'

const { url, starts, forget, log } = await openCalmServer(file)
beforeEach(forget)

const goodStart = startWith({ phone_number: '+99012345678' })
const withAuthorization = (authorization: string | undefined) => ({
  ...goodStart,
  headers: { ...goodStart.headers, authorization },
})

for (const authorization of [`Bearer ${goodToken}`, `bearer ${goodToken}`, `BEARER   ${goodToken}  `])
  test(`a token is taken from "${authorization}"`, async (t) => {
    t.equal((await call(url, withAuthorization(authorization))).status, 200)
    t.strictSame(
      starts.map(({ caller }) => caller),
      [callerOf('alice')],
    )
  })

const refused: readonly [kind: string, authorization: string | undefined, code: FailureCode][] = [
  ['is absent', undefined, 'missing_token'],
  ['is empty', '', 'missing_token'],
  ['is of another scheme', `Basic ${goodToken}`, 'missing_token'],
  ['asks for DPoP', `DPoP ${goodToken}`, 'missing_token'],
  ['is a token without a scheme', goodToken, 'missing_token'],
  ['has no space after the scheme', `Bearer${goodToken}`, 'missing_token'],
  ['has a tab after the scheme', `Bearer\t${goodToken}`, 'missing_token'],
  ['has a colon after the scheme', `Bearer: ${goodToken}`, 'missing_token'],
  ['holds no token', 'Bearer', 'invalid_token'],
  ['holds an unknown token', 'Bearer x', 'invalid_token'],
  ['holds two tokens', `Bearer ${goodToken} ${goodToken}`, 'invalid_token'],
  ['holds parameters', `Bearer ${goodToken}, realm="a"`, 'invalid_token'],
  ['holds two schemes', `Bearer Bearer ${goodToken}`, 'invalid_token'],
  ['is of 7 KB', `Bearer ${'x'.repeat(7000)}`, 'invalid_token'],
  ['holds a token without the scope', 'Bearer token-insufficient_scope', 'insufficient_scope'],
  ['holds a token that cannot be checked', 'Bearer token-idp_unavailable', 'idp_unavailable'],
]

for (const [kind, authorization, code] of refused)
  test(`a call gets ${code} when Authorization ${kind}`, async (t) => {
    assertProblem(t, await call(url, withAuthorization(authorization)), code)
    t.strictSame(starts, [])
  })

test('the log says which scheme came instead, if any, and nothing of what came with it', async (t) => {
  const notes = new Set<unknown>()
  for (const authorization of [undefined, 'DPoP canary', 'dpop canary', 'Basic canary', 'canary']) {
    await call(url, withAuthorization(authorization))
    notes.add(log.entries().at(-1)?.note)
  }
  t.equal(notes.size, 3)
  t.match([...notes].join(), /DPoP/)
  t.ok(!log.lines.join().includes('canary'))
})

test('a token anywhere else but in Authorization is no token', async (t) => {
  const target = `${startPath}?access_token=${goodToken}`
  const headers = {
    'content-type': 'application/json',
    cookie: `access_token=${goodToken}`,
    'x-access-token': goodToken,
    'proxy-authorization': `Bearer ${goodToken}`,
    'x-forwarded-authorization': `Bearer ${goodToken}`,
  }
  assertProblem(t, await call(url, { ...goodStart, target, headers }), 'missing_token')
})

test('no other header talks the guard out of its job', async (t) => {
  const headers = {
    'x-original-url': '/livez',
    'x-rewrite-url': '/livez',
    'x-forwarded-uri': '/livez',
    'x-http-method-override': 'GET',
    'user-agent': 'kube-probe/1.30',
    'x-forwarded-for': '127.0.0.1',
  }
  assertProblem(t, await call(url, { ...goodStart, headers }), 'missing_token')
})

test('a call without a token is refused before its body is read', async (t) => {
  const head = requestBytes({ ...goodStart, headers: { 'content-length': '1000000000' }, body: '' })
  assertProblem(t, only(await speak(url, head)), 'missing_token')
})

test('a call without a token learns nothing of how its body would be judged', async (t) => {
  for (const [contentType, body] of [
    ['text/plain', 'x'],
    ['application/json', '{"__proto__":1}'],
    ['application/json', 'x'.repeat(5000)],
  ])
    assertProblem(
      t,
      await call(url, { ...goodStart, headers: { 'content-type': contentType }, body: body ?? '' }),
      'missing_token',
    )
})
