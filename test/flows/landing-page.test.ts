/**
 * Both of Vonage's client libraries read every answer of the landing page, of the service as it runs: the code and the state,
 * and each problem, also those that come from the socket and not from a route.
 */

import { setImmediate } from 'node:timers/promises'
import { t as file, type Test, test } from 'tap'
import type { FailureCode } from '../../src/core/failures.ts'
import { mintState } from '../../src/core/state.ts'
import { createApp } from '../../src/http/app.ts'
import { callbackRoutes } from '../../src/http/routes/callback.ts'
import { readAsAndroidLibrary, readAsIosLibrary } from '../support/mobile-libraries.ts'
import { fail } from '../support/must.ts'
import { type OneRead, read, readOnce } from '../support/one-read.ts'
import { contract } from '../support/problem.ts'
import { listenOnLoopback, recordLog } from '../support/public-server.ts'
import { type RawRequest, requestBytes } from '../support/raw-http.ts'
import { callbackPath, openWorld } from '../support/service.ts'
import { listenerLimits, unobserved } from '../support/unobserved.ts'

const state = mintState()
const world = await openWorld((close) => file.teardown(close))

const target = (parameters: Record<string, string>) => `${callbackPath}?${new URLSearchParams(parameters)}`

/** A machine busy with other tests may make the service shed load, which only one test here asks for. */
async function readUnlessShed(t: Test, url: string, request: RawRequest): Promise<OneRead> {
  const answer = await readOnce(t, url, request)
  return answer.body.includes('"overloaded"') ? readUnlessShed(t, url, request) : answer
}

function land(
  t: Test,
  parameters: Record<string, string>,
  headers: RawRequest['headers'] = {},
): Promise<OneRead> {
  return readUnlessShed(t, world.service.url, { target: target(parameters), headers })
}

function assertBothRead(
  t: Test,
  { firstRead, bytes }: OneRead,
  status: number,
): Array<Record<string, unknown>> {
  const results = [readAsIosLibrary(firstRead), readAsAndroidLibrary(bytes)]
  for (const { http_status, response_body } of results) {
    t.equal(http_status, status)
    t.ok(response_body, 'the library finds no body')
  }
  return results.map(({ response_body = {} }) => response_body)
}

function assertBothReadProblem(t: Test, answer: OneRead, code: FailureCode): void {
  const [status, nextAction] = contract[code]
  for (const body of assertBothRead(t, answer, status)) {
    t.equal(body.code, code)
    t.equal(body.status, status)
    t.equal(body.next_action, nextAction)
    t.equal(body.request_id, answer.headers.get('x-request-id'))
  }
}

test('the two parsers lose what the libraries lose', async (t) => {
  const answer = (...lines: string[]) => Buffer.from(['HTTP/1.1 200 OK', ...lines].join('\r\n'))
  const lost = {
    'a header in lower case, on iOS': readAsIosLibrary(
      answer('content-type: application/json', 'Content-Length: 2', '', '{}'),
    ),
    'no length, on iOS': readAsIosLibrary(answer('Content-Type: application/json', '', '{}')),
    'a second read, on iOS': readAsIosLibrary(
      answer('Content-Type: application/json', 'Content-Length: 2', '', ''),
    ),
    'chunks, on iOS': readAsIosLibrary(
      answer('Content-Type: application/json', 'Transfer-Encoding: chunked', '', '2', '{}', '0', '', ''),
    ),
    'a page, on iOS': readAsIosLibrary(answer('Content-Type: text/html', 'Content-Length: 2', '', '{}')),
    'a page, on Android': readAsAndroidLibrary(answer('Content-Type: text/html', '', '{}')),
    'a charset, on Android': readAsAndroidLibrary(
      answer('Content-Type: application/json;charset=utf-8', '', '{}'),
    ),
    'a list, on Android': readAsAndroidLibrary(answer('Content-Type: application/json', '', '[]')),
    'a body with a header name, on Android': readAsAndroidLibrary(
      answer('Content-Type: application/json', '', '{"a":"Content-Type: b"}'),
    ),
  }
  for (const [title, { response_body }] of Object.entries(lost)) t.equal(response_body, undefined, title)
})

test('both read the code and the state', async (t) => {
  const answer = await land(t, { code: 'a-code', state })
  t.strictSame(assertBothRead(t, answer, 200), Array(2).fill({ code: 'a-code', state }))
})

test('both read the longest code, of quotes, backslashes and braces', async (t) => {
  const code = '"\\}{'.repeat(512)
  const answer = await land(t, { code, state })
  t.strictSame(assertBothRead(t, answer, 200), Array(2).fill({ code, state }))
})

test('both read the answer at the end of the hops of the carrier', async (t) => {
  const token = await world.tokenOf('alice')
  const authUrl = await world.authUrl(token, '+99012345678')
  let next = authUrl
  while (!next.startsWith(world.service.url)) {
    const { headers } = await fetch(next, { redirect: 'manual' })
    next = headers.get('location') ?? fail('no redirect')
  }
  const { url } = world.service
  const answer = await readUnlessShed(t, url, { target: next.slice(url.length) })
  const [landing] = assertBothRead(t, answer, 200)
  t.equal((await world.finish(token, landing)).body.phone_number_verified, true)
})

const sent = { code: 'a-code', state }

/** What a phone may meet there. */
const problems: Record<string, [answer: (t: Test) => Promise<OneRead>, code: FailureCode]> = {
  'an error of the operator': [(t) => land(t, { error: 'access_denied', state }), 'authorization_failed'],
  'an error in another encoding': [
    (t) =>
      readUnlessShed(t, world.service.url, { target: `${callbackPath}?error=x&error_description=acc%E8s` }),
    'authorization_failed',
  ],
  'an error with raw bytes': [
    (t) =>
      readUnlessShed(t, world.service.url, { target: `${callbackPath}?error=x&error_description=acc\xe8s` }),
    'authorization_failed',
  ],
  'no code': [(t) => land(t, { state }), 'invalid_state'],
  'a state that is not ours': [(t) => land(t, { code: 'a-code', state: 'foreign' }), 'invalid_state'],
  'two hosts': [(t) => land(t, sent, { host: ['a.example', 'b.example'] }), 'invalid_request'],
  'a code of 9 KB': [(t) => land(t, { code: 'x'.repeat(9000), state }), 'headers_too_large'],
  'cookies of 9 KB': [(t) => land(t, sent, { cookie: 'x'.repeat(9000) }), 'headers_too_large'],
  'no HTTP': [(t) => read(t, world.service.url, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), 'invalid_request'],
}

for (const [title, [answer, code]] of Object.entries(problems))
  test(`both read the problem ${code} of ${title}`, async (t) => {
    assertBothReadProblem(t, await answer(t), code)
  })

test('both read the problem unsupported_media_type of an encoded body', async (t) => {
  assertBothReadProblem(t, await land(t, sent, { 'content-encoding': 'gzip' }), 'unsupported_media_type')
})

test('both read the problem rate_limited of an address that asks too often', async (t) => {
  const strict = await openWorld((close) => t.teardown(close), { RATE_LIMIT_ADDRESS_PER_MINUTE: '1' })
  const once = () => readUnlessShed(t, strict.service.url, { target: target(sent) })
  assertBothRead(t, await once(), 200)
  assertBothReadProblem(t, await once(), 'rate_limited')
})

/** Keeps the event loop late for two samples of its delay, and asks at once; a slow machine may need more than one try. */
async function readWhileBehind(t: Test, triesLeft = 10): Promise<OneRead> {
  for (let turn = 0; turn < 3; turn++) {
    const untilMs = performance.now() + 300
    while (performance.now() < untilMs);
    await setImmediate()
  }
  const answer = await readOnce(t, world.service.url, { target: target(sent) })
  return answer.status === 200 && triesLeft > 1 ? readWhileBehind(t, triesLeft - 1) : answer
}

test('both read the problem overloaded of a service that is far behind', async (t) => {
  assertBothReadProblem(t, await readWhileBehind(t), 'overloaded')
})

test('both read the problem request_timeout of a request that stops within its head', async (t) => {
  const app = createApp({
    ...listenerLimits,
    requestTimeoutMs: 100,
    isDraining: () => false,
    log: recordLog(t).logger,
    ...unobserved,
  })
  await app.register(callbackRoutes({ land: () => {} }))
  const url = await listenOnLoopback(t, app)
  const halfRequest = requestBytes({ target: `${callbackPath}?code=a` }).slice(0, -20)
  assertBothReadProblem(t, await read(t, url, halfRequest), 'request_timeout')
})
