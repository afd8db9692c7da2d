/** The wire format of Verify v2: what is sent, and what each answer means. */
import { test } from 'tap'
import type { FailureCode } from '../../../src/core/failures.ts'
import { parsePhoneNumber } from '../../../src/core/phone-number.ts'
import type { Outcome } from '../../../src/vonage/route.ts'
import {
  checkRequest,
  isUnderWay,
  judgeCheck,
  judgeNext,
  judgeStart,
  messageRequest,
  nextRequest,
  startRequest,
} from '../../../src/vonage/verify/wire.ts'
import { rejectsWith } from '../../support/failure.ts'
import { fail } from '../../support/must.ts'
import { correlation } from '../../support/unobserved.ts'

const nowMs = Date.UTC(2026, 0, 1)
const policy = { hosts: ['*.nexmo.com'], http: 'none' } as const
const checkUrl = 'https://api.nexmo.com/v2/verify/c11236f4/silent-auth/redirect'
const requestId = 'c11236f4-00bf-4b89-84ba-88b25df97315'
const begun = { request_id: requestId, check_url: checkUrl }
const phoneNumber = parsePhoneNumber('+99012345678') ?? fail()
const message = { codeLength: 6, locale: 'en-us', sender: undefined }
const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

const answer = (status: number, body: unknown, headers: Record<string, string> = {}): Outcome => ({
  kind: 'answer',
  status,
  headers,
  text: typeof body === 'string' ? body : JSON.stringify(body),
})
const noAnswer = (kind: 'unreachable' | 'timeout' | 'broken' | 'cancelled'): Outcome => ({
  kind,
  repeatable: false,
  cause: new Error(kind),
})
const busy: Outcome = { kind: 'busy', note: 'the quota is spent', retryAfterSeconds: 7 }
const invalid = (...names: string[]) => ({
  title: 'Invalid params',
  invalid_parameters: names.map((name) => ({ name, reason: 'is wrong' })),
})

test('a start names brand, one silent step and the number without its plus sign', async (t) => {
  const { path, method, body, headers } = startRequest(phoneNumber, 'Acme', undefined, 'a.j.wt', correlation)
  t.equal(`${method} ${path}`, 'POST /v2/verify')
  t.equal(body, '{"brand":"Acme","workflow":[{"channel":"silent_auth","to":"99012345678"}]}')
  t.strictSame(headers, { authorization: 'Bearer a.j.wt', 'content-type': 'application/json' })
})

test('a check posts the code to the verification', async (t) => {
  const { path, method, body } = checkRequest(requestId, 'si9sfG', 'a.j.wt', correlation)
  t.equal(`${method} ${path}`, `POST /v2/verify/${requestId}`)
  t.equal(body, '{"code":"si9sfG"}')
})

test('both go on with the trace of their caller', async (t) => {
  const traced = { ...correlation, traceparent }
  t.equal(startRequest(phoneNumber, 'Acme', undefined, 'a.j.wt', traced).headers.traceparent, traceparent)
  t.equal(checkRequest(requestId, 'code', 'a.j.wt', traced).headers.traceparent, traceparent)
})

test('a 202 with a check_url has begun, and the URL is handed on as it came', async (t) => {
  t.strictSame(judgeStart(answer(202, { ...begun, more: 1 }), policy, nowMs), { requestId, checkUrl })
})

test('a 202 without a check_url has begun with a message', async (t) => {
  t.strictSame(judgeStart(answer(202, { request_id: requestId }), policy, nowMs), { requestId })
  t.strictSame(judgeStart(answer(202, { ...begun, check_url: null }), policy, nowMs), { requestId })
})

test('a start with messages has one as its second step, and says how they are to be', async (t) => {
  const { body } = startRequest(phoneNumber, 'Acme', { ...message, sender: 'Acme' }, 'a.j.wt', correlation)
  t.strictSame(JSON.parse(body), {
    brand: 'Acme',
    workflow: [
      { channel: 'silent_auth', to: '99012345678' },
      { channel: 'sms', to: '99012345678', from: 'Acme' },
    ],
    code_length: 6,
    locale: 'en-us',
  })
})

test('a message alone is one step', async (t) => {
  const { path, body } = messageRequest(phoneNumber, 'Acme', message, 'a.j.wt', correlation)
  t.equal(path, '/v2/verify')
  t.equal(
    body,
    '{"brand":"Acme","workflow":[{"channel":"sms","to":"99012345678"}],"code_length":6,"locale":"en-us"}',
  )
})

test('the next step is asked for without a body', async (t) => {
  const { method, path, body, headers } = nextRequest(requestId, 'a.j.wt', correlation)
  t.strictSame([method, path, body], ['POST', `/v2/verify/${requestId}/next_workflow`, ''])
  t.ok(!('content-type' in headers), 'nothing is not JSON')
})

for (const [what, outcome, moved] of [
  ['200', answer(200, {}), 'moved'],
  ['404', answer(404, {}), 'ended'],
  ['410', answer(410, {}), 'ended'],
  ['409 for good', answer(409, { type: 'https://a.example/#no-next-step' }), 'moved before'],
  ['409 without a reason', answer(409, '<html>'), 'moved before'],
  ['409 of copies that do not agree', answer(409, { type: 'https://a.example/#conflict' }), 'again'],
] as const)
  test(`asking for the next step, ${what} means ${moved}`, async (t) => {
    t.equal(judgeNext(outcome, nowMs), moved)
  })

for (const [what, outcome, code] of [
  ['no answer', noAnswer('timeout'), 'upstream_timeout'],
  ['500', answer(500, {}), 'upstream_invalid'],
  ['429', answer(429, {}), 'upstream_busy'],
  ['401', answer(401, {}), 'upstream_refused'],
] as const)
  test(`asking for the next step, ${what} is ${code}`, async (t) => {
    await rejectsWith(t, (async () => judgeNext(outcome, nowMs))(), code)
  })

for (const [status, code] of [
  [400, 'wrong_code'],
  [422, 'wrong_code'],
  [404, 'code_rejected'],
  [409, 'code_rejected'],
  [410, 'code_rejected'],
] as const)
  test(`of a code that a user typed ${status} is ${code}`, async (t) => {
    await rejectsWith(t, (async () => judgeCheck(answer(status, {}), true, nowMs))(), code)
  })

const starts: [string, FailureCode, Outcome][] = [
  [
    'a check_url of another host',
    'upstream_invalid',
    answer(202, { ...begun, check_url: 'https://a.example/' }),
  ],
  [
    'a plain http check_url',
    'upstream_invalid',
    answer(202, { ...begun, check_url: 'http://api.nexmo.com/' }),
  ],
  ['a check_url of a wrong type', 'upstream_invalid', answer(202, { ...begun, check_url: 7 })],
  ['no request_id', 'upstream_invalid', answer(202, { check_url: checkUrl })],
  [
    'a request_id that leads elsewhere',
    'upstream_invalid',
    answer(202, { ...begun, request_id: '../other' }),
  ],
  ['a request_id with a colon', 'upstream_invalid', answer(202, { ...begun, request_id: 'a:b' })],
  ['HTML', 'upstream_invalid', answer(202, '<html>')],
  ['a 200', 'upstream_invalid', answer(200, begun)],
  ['412', 'network_not_supported', answer(412, { type: '#precondition-failed' })],
  ['422 about to', 'network_not_supported', answer(422, invalid('to'))],
  ['422 about the to of a step', 'network_not_supported', answer(422, invalid('brand', 'workflow[0].to'))],
  ['422 about the brand', 'upstream_refused', answer(422, invalid('brand'))],
  ['422 about the workflow', 'upstream_refused', answer(422, invalid('workflow'))],
  ['422 about a name that ends alike', 'upstream_refused', answer(422, invalid('workflow.goto'))],
  ['422 without names', 'upstream_refused', answer(422, '<html>')],
  ['401', 'upstream_refused', answer(401, {})],
  ['402, a low balance', 'upstream_refused', answer(402, {})],
  ['403', 'upstream_refused', answer(403, {})],
  ['429', 'upstream_busy', answer(429, {})],
  ['500', 'upstream_invalid', answer(500, {})],
  ['503 with Retry-After', 'upstream_busy', answer(503, {}, { 'retry-after': '7' })],
  ['302', 'upstream_invalid', answer(302, {})],
  ['no connection', 'upstream_unavailable', noAnswer('unreachable')],
  ['no answer in time', 'upstream_timeout', noAnswer('timeout')],
  ['half an answer', 'upstream_invalid', noAnswer('broken')],
  ['our own refusal', 'upstream_busy', busy],
]
for (const [what, code, outcome] of starts)
  test(`at a start ${what} is ${code}`, async (t) => {
    await rejectsWith(t, (async () => judgeStart(outcome, policy, nowMs))(), code)
  })

test('only a 409 says that the number is under way', async (t) => {
  t.equal(isUnderWay(answer(409, {})), true)
  for (const other of [answer(202, begun), answer(429, {}), noAnswer('timeout'), busy])
    t.equal(isUnderWay(other), false)
})

test('a completed check is right', async (t) => {
  t.equal(judgeCheck(answer(200, { request_id: requestId, status: 'completed' }), false, nowMs), undefined)
})

const checks: [string, FailureCode, Outcome][] = [
  ['400', 'code_rejected', answer(400, { type: '#invalid-code' })],
  ['404', 'code_rejected', answer(404, {})],
  ['409', 'code_rejected', answer(409, {})],
  ['410', 'code_rejected', answer(410, {})],
  ['422, a code of no possible form', 'code_rejected', answer(422, {})],
  ['401', 'upstream_refused', answer(401, {})],
  ['402', 'upstream_refused', answer(402, {})],
  ['403', 'upstream_refused', answer(403, {})],
  ['429', 'upstream_busy', answer(429, {})],
  ['500', 'upstream_invalid', answer(500, {})],
  ['503 with Retry-After', 'outcome_unknown', answer(503, {}, { 'retry-after': '7' })],
  ['a 200 that is not completed', 'upstream_invalid', answer(200, { status: 'pending' })],
  ['an empty 200', 'upstream_invalid', answer(200, '')],
  ['no connection', 'upstream_unavailable', noAnswer('unreachable')],
  ['no answer in time', 'outcome_unknown', noAnswer('timeout')],
  ['half an answer', 'outcome_unknown', noAnswer('broken')],
  ['our own refusal', 'upstream_busy', busy],
]
for (const [what, code, outcome] of checks)
  test(`at a check ${what} is ${code}`, async (t) => {
    await rejectsWith(t, (async () => judgeCheck(outcome, false, nowMs))(), code)
  })
