/** The finish at the HTTP edge: what it hands to the core, what it refuses before, and how each outcome looks outside. */
import { type Test, test } from 'tap'
import { type FailureCode, ServiceFailure } from '../../../src/core/failures.ts'
import { parsePhoneNumber } from '../../../src/core/phone-number.ts'
import type { Result } from '../../../src/core/ports.ts'
import { mintState } from '../../../src/core/state.ts'
import type { FinishRequest } from '../../../src/core/verification.ts'
import { guard } from '../../../src/http/authenticate.ts'
import { numberVerificationRoutes } from '../../../src/http/routes/number-verification.ts'
import { contentTypes } from '../../support/content-types.ts'
import { fail } from '../../support/must.ts'
import { assertProblem, assertSafeHeaders } from '../../support/problem.ts'
import { appHeaders, finishPath } from '../../support/public-server.ts'
import { call, type RawRequest } from '../../support/raw-http.ts'
import { openRoutes } from '../../support/route-server.ts'
import { callerOf } from '../../support/unobserved.ts'

const state = mintState()
const good = { code: 'a-code', state }

const resultOf = (verified: boolean): Result => ({
  phoneNumber: parsePhoneNumber('+34600000001') ?? fail(),
  verified,
})

/** The token is the subject. The core answers what `finish` answers, and everything that reaches it is kept. */
async function setUp(t: Test, finish: () => Promise<Result> = async () => resultOf(true)) {
  const finishes: [subject: string, request: FinishRequest][] = []
  const server = await openRoutes(t, (app) =>
    app.register(async (guarded) => {
      guard(guarded, { verify: async (subject) => callerOf(subject) })
      await guarded.register(
        numberVerificationRoutes({
          start: () => fail('a finish starts nothing'),
          land: () => fail('a finish is no landing'),
          finish({ subject }, request) {
            finishes.push([subject, request])
            return finish()
          },
        }),
      )
    }),
  )
  const post = (body: unknown, request: RawRequest = {}) =>
    call(server.url, {
      method: 'POST',
      target: finishPath,
      headers: { ...appHeaders, authorization: 'Bearer alice' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      ...request,
    })
  return { ...server, finishes, post }
}

test('a receipt is the last member of its result', async (t) => {
  const { post } = await setUp(t, async () => ({ ...resultOf(true), receipt: 'a.b.c' }))
  const { body } = await post(good)
  t.equal(body, '{"phone_number":"+34600000001","phone_number_verified":true,"receipt":"a.b.c"}')
})

for (const verified of [true, false])
  test(`answers ${verified} as a result, in exactly these bytes`, async (t) => {
    const { post } = await setUp(t, async () => resultOf(verified))
    const answer = await post(good)
    t.equal(answer.status, 200)
    t.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
    t.equal(answer.body, `{"phone_number":"+34600000001","phone_number_verified":${verified}}`)
    assertSafeHeaders(t, answer)
  })

test('a result that a former version kept without its number is answered as that version answered', async (t) => {
  const { post } = await setUp(t, async () => ({ verified: true }))
  t.equal((await post(good)).body, '{"phone_number_verified":true}')
})

test('hands the caller, the code and the state on as they came', async (t) => {
  const { post, finishes } = await setUp(t)
  const bodies = [
    good,
    { code: ' "\\~'.repeat(512), state },
    { code: 'x', state: 'any text: ä' },
    { code: 'x', state: '' },
  ]
  for (const body of bodies) t.equal((await post(body)).status, 200)
  t.strictSame(
    finishes,
    bodies.map((body) => ['alice', body]),
  )
})

test('hands the object on that Vonage gave the device', async (t) => {
  const { post, finishes } = await setUp(t)
  t.equal((await post({ request_id: 'an-id', code: 'si9sfG' })).status, 200)
  t.strictSame(finishes, [['alice', { code: 'si9sfG', requestId: 'an-id' }]])
})

/** A body, and where the problem says that it does not fit. */
const refused: [title: string, body: unknown, pointer: string | undefined][] = [
  ['no body', '', undefined],
  ['a broken body', '{"code":', undefined],
  ['null', 'null', ''],
  ['a text', '"text"', ''],
  ['a list', [good], ''],
  ['an empty object', {}, '/code'],
  ['no code', { state }, '/code'],
  ['no state', { code: 'a-code' }, '/state'],
  ['an empty code', { code: '', state }, '/code'],
  ['a code of 2,049 characters', { code: 'x'.repeat(2049), state }, '/code'],
  ['a code with a line break', { code: 'a\r\nb', state }, '/code'],
  ['a code beyond ASCII', { code: 'é', state }, '/code'],
  ['a code that is a number', { code: 1234, state }, '/code'],
  ['a code that is a list', { code: ['a-code'], state }, '/code'],
  ['a code that is null', { code: null, state }, '/code'],
  ['a state that is a number', { code: 'a-code', state: 1 }, '/state'],
  ['a state that is an object', { code: 'a-code', state: { length: 43 } }, '/state'],
  ['a phone_number beside', { ...good, phone_number: '+99012345678' }, ''],
  ['a request_id beside', { ...good, request_id: 'an-id' }, ''],
  ['a number beside a request_id', { code: 'a-code', request_id: 'an-id', phone_number: '+1' }, ''],
  ['no code beside a request_id', { request_id: 'an-id' }, '/code'],
  ['a request_id that is a number', { code: 'a-code', request_id: 1 }, '/request_id'],
  ['a subject beside', { ...good, subject: 'bob' }, ''],
  ['a redirect_uri beside', { ...good, redirect_uri: 'https://evil.example/' }, ''],
  ['a __proto__ beside', `{"code":"a-code","state":"${state}","__proto__":{"code":"x"}}`, undefined],
]

test('refuses with invalid_request, before the core, without a word of what came:', async (t) => {
  const { post, finishes } = await setUp(t)
  for (const [title, body, pointer] of refused)
    await t.test(title, async (t) => {
      const answer = await post(body)
      const problem = assertProblem(t, answer, 'invalid_request')
      t.strictSame(
        problem.errors?.map((error) => error.pointer),
        pointer === undefined ? undefined : [pointer],
      )
      t.ok(!answer.body.includes('a-code') && !answer.body.includes(state))
      t.notMatch(answer.body, /phone_number|subject|redirect_uri|evil|xxx/)
    })
  t.strictSame(finishes, [])
})

test('refuses a body of another kind, an encoded one and one that is too long, before the core', async (t) => {
  const { post, finishes } = await setUp(t)
  const withType = (type: string) => ({ headers: { authorization: 'Bearer alice', 'content-type': type } })
  for (const type of [
    'text/plain',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'multipart/form-data',
  ])
    assertProblem(t, await post(good, withType(type)), 'unsupported_media_type')
  const encoded = { headers: { ...appHeaders, 'content-encoding': 'identity' } }
  assertProblem(t, await post(good, encoded), 'unsupported_media_type')
  assertProblem(t, await post({ ...good, code: 'x'.repeat(5000) }), 'payload_too_large')
  t.strictSame(finishes, [])
})

test('refuses a bad body before the core, however its Content-Type is spelt', async (t) => {
  const { post, finishes } = await setUp(t)
  for (const contentType of contentTypes)
    for (const body of ['{"code":7}', { ...good, admin: true }, 'nonsense']) {
      const answer = await post(body, { headers: { ...appHeaders, 'content-type': contentType } })
      assertProblem(t, answer, answer.status === 415 ? 'unsupported_media_type' : 'invalid_request')
    }
  t.strictSame(finishes, [])
})

test('refuses a caller without a token before it looks at the body', async (t) => {
  const { post, finishes } = await setUp(t)
  const headers = { 'content-type': 'application/json' }
  for (const body of [good, '{"code":', '']) assertProblem(t, await post(body, { headers }), 'missing_token')
  t.strictSame(finishes, [])
})

const failures: FailureCode[] = [
  'invalid_state',
  'code_rejected',
  'not_on_carrier_network',
  'network_not_supported',
  'upstream_invalid',
  'upstream_refused',
  'upstream_unavailable',
  'upstream_busy',
  'store_unavailable',
  'outcome_unknown',
]

for (const code of failures)
  test(`answers the failure ${code} as its problem`, async (t) => {
    const { post } = await setUp(t, async () => {
      throw new ServiceFailure(code, { note: 'canary', cause: new Error('canary'), retryAfterSeconds: 7 })
    })
    const answer = await post(good)
    const { next_action } = assertProblem(t, answer, code)
    t.equal(answer.headers.get('retry-after'), next_action === 'retry' ? '7' : null)
    t.notMatch(answer.body, /canary/)
  })

test('answers what is a bug as internal, without a word of it', async (t) => {
  const { post } = await setUp(t, async () => {
    throw new TypeError('canary')
  })
  const answer = await post(good)
  assertProblem(t, answer, 'internal')
  t.notMatch(answer.body, /canary/)
})

test('answers other methods with method_not_allowed and Allow', async (t) => {
  const { url, finishes } = await setUp(t)
  for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
    const { status, headers } = await call(url, {
      method,
      target: finishPath,
      headers: { authorization: 'Bearer alice' },
    })
    t.equal(status, 405, method)
    t.equal(headers.get('allow'), 'POST', method)
  }
  t.strictSame(finishes, [])
})

test('logs neither code nor state nor subject', async (t) => {
  const { post, log } = await setUp(t)
  await post(good)
  await post({ ...good, more: 1 })
  t.equal(log.entries().length, 2)
  for (const secret of ['a-code', state, 'alice']) t.ok(!log.lines.join('').includes(secret))
})
