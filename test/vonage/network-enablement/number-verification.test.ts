/** The bytes of the code exchange and of the check, and what each answer to them means: pure functions over tables. */
import { type Test, test } from 'tap'
import { type FailureCode, ServiceFailure } from '../../../src/core/failures.ts'
import { parsePhoneNumber } from '../../../src/core/phone-number.ts'
import {
  judgeToken,
  judgeVerify,
  tokenRequest,
  verifyRequest,
} from '../../../src/vonage/network-enablement/number-verification.ts'
import type { Outcome } from '../../../src/vonage/route.ts'
import type { Answer, NoAnswer } from '../../../src/vonage/transport.ts'
import { confirm, fail } from '../../support/must.ts'
import { traceparent } from '../../support/spans.ts'
import { correlation } from '../../support/unobserved.ts'

const nowMs = Date.UTC(2026, 0, 1)
const noAnswerCause = new Error('the socket said so')

type Row = [title: string, outcome: Outcome, code: FailureCode]

function answer(status: number, body: unknown, headers: Answer['headers'] = {}): Answer {
  return { kind: 'answer', status, headers, text: typeof body === 'string' ? body : JSON.stringify(body) }
}

function noAnswer(kind: NoAnswer['kind']): NoAnswer {
  return { kind, repeatable: kind === 'unreachable', cause: noAnswerCause }
}

const busy: Outcome = { kind: 'busy', note: 'the circuit is open', retryAfterSeconds: 30 }

const camara = (status: number, code: string) => answer(status, { status, code, message: 'canary-upstream' })
const oauth = (status: number, error: string) =>
  answer(status, { error, error_description: 'canary-upstream' })
const problem = (status: number, type: string) =>
  answer(status, { type: `https://developer.vonage.com/api-errors#${type}`, title: 'canary-upstream' })

function failureOf(t: Test, judge: () => unknown): ServiceFailure {
  try {
    judge()
  } catch (error) {
    confirm(t, error instanceof ServiceFailure)
    return error
  }
  return fail('it did not fail')
}

/** Nothing of upstream's wording may travel on in a failure. */
function failsWith(t: Test, judge: () => unknown, code: FailureCode): ServiceFailure {
  const failure = failureOf(t, judge)
  t.equal(failure.code, code)
  t.notMatch(`${failure.message} ${failure.note}`, /canary/)
  return failure
}

test('the token request is a form with the three members and the application JWT', async (t) => {
  t.strictSame(
    tokenRequest('a code/+&=é', 'https://bff.example/callback?x=1', 'the.application.jwt', correlation),
    {
      method: 'POST',
      path: '',
      headers: {
        authorization: 'Bearer the.application.jwt',
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: 'grant_type=authorization_code&code=a+code%2F%2B%26%3D%C3%A9&redirect_uri=https%3A%2F%2Fbff.example%2Fcallback%3Fx%3D1',
    },
  )
})

test('a code cannot add a member to the token request', async (t) => {
  const { body } = tokenRequest(
    'x&grant_type=password&redirect_uri=https://evil.example',
    'https://a.example/',
    'jwt',
    correlation,
  )
  t.strictSame(
    [...new URLSearchParams(body)],
    [
      ['grant_type', 'authorization_code'],
      ['code', 'x&grant_type=password&redirect_uri=https://evil.example'],
      ['redirect_uri', 'https://a.example/'],
    ],
  )
})

test('the verify request has the whole number as its one member, and the access token', async (t) => {
  const phoneNumber = parsePhoneNumber('+99012345678')
  confirm(t, phoneNumber)
  t.strictSame(verifyRequest(phoneNumber, 'one-use-token', correlation), {
    method: 'POST',
    path: '/camara/number-verification/v031/verify',
    headers: {
      authorization: 'Bearer one-use-token',
      'content-type': 'application/json',
      'x-correlator': 'a-request',
    },
    body: '{"phoneNumber":"+99012345678"}',
  })
})

test('a 200 with an access token gives the token, whatever stands beside it', async (t) => {
  const token = 'eyJ.a~!#$%/+=|'
  t.equal(judgeToken(answer(200, { access_token: token }), nowMs), token)
  const full = { access_token: token, token_type: 'Bearer', expires_in: 29, error: 'invalid_grant', x: null }
  t.equal(judgeToken(answer(200, full), nowMs), token)
})

test('a 200 with a boolean gives the boolean, whatever stands beside it', async (t) => {
  t.equal(judgeVerify(answer(200, { devicePhoneNumberVerified: true }), nowMs), true)
  t.equal(judgeVerify(answer(200, { devicePhoneNumberVerified: false, code: 'X' }), nowMs), false)
})

const badBodies: unknown[] = ['', '<html></html>', '{"access_token":', 'null', '"text"', '[]', '7', {}]

const tokenRows: Row[] = [
  ...badBodies.map((body): Row => [`200 ${JSON.stringify(body)}`, answer(200, body), 'upstream_invalid']),
  ...[7, null, '', 'a b', 'a\nb', 'a\r\nx: y', 'é', '\0'].map((token): Row => {
    return [
      `200 with the token ${JSON.stringify(token)}`,
      answer(200, { access_token: token }),
      'upstream_invalid',
    ]
  }),
  ['201 with a token', answer(201, { access_token: 'token' }), 'upstream_invalid'],
  ['204', answer(204, ''), 'upstream_invalid'],
  ['302', answer(302, '', { location: 'https://evil.example/' }), 'upstream_invalid'],
  ['400 invalid_grant', oauth(400, 'invalid_grant'), 'code_rejected'],
  ['401 invalid_grant', oauth(401, 'invalid_grant'), 'code_rejected'],
  ['400 invalid_request', oauth(400, 'invalid_request'), 'upstream_invalid'],
  ['400 unsupported_grant_type', oauth(400, 'unsupported_grant_type'), 'upstream_invalid'],
  ['401 invalid_client', oauth(401, 'invalid_client'), 'upstream_refused'],
  ['400 invalid_client', oauth(400, 'invalid_client'), 'upstream_refused'],
  ['400 unauthorized_client', oauth(400, 'unauthorized_client'), 'upstream_refused'],
  [
    '400 with the word only in its text',
    answer(400, { error_description: 'invalid_grant' }),
    'upstream_invalid',
  ],
  ['400 with an error that is a list', answer(400, { error: ['invalid_grant'] }), 'upstream_invalid'],
  ...badBodies.map((body): Row => [`400 ${JSON.stringify(body)}`, answer(400, body), 'upstream_invalid']),
  ['400 problem', problem(400, 'invalid-params'), 'upstream_invalid'],
  ['401 problem', problem(401, 'jwt-expired'), 'upstream_refused'],
  ['402 problem', problem(402, 'low-balance'), 'upstream_refused'],
  ['403 problem', problem(403, 'forbidden'), 'upstream_refused'],
  ['404 problem', problem(404, 'not-found'), 'upstream_invalid'],
  ['429 problem', problem(429, 'throttled'), 'upstream_busy'],
  ['500 problem', problem(500, 'internal-error'), 'upstream_invalid'],
  ['400 CAMARA', camara(400, 'INVALID_ARGUMENT'), 'upstream_invalid'],
  ['403 CAMARA', camara(403, 'PERMISSION_DENIED'), 'upstream_refused'],
  ['503 CAMARA', camara(503, 'UNAVAILABLE'), 'upstream_invalid'],
  ['503 with Retry-After', answer(503, 'wait', { 'retry-after': '7' }), 'outcome_unknown'],
  ['401 that is not JSON', answer(401, 'no'), 'upstream_refused'],
  ['no connection', noAnswer('unreachable'), 'upstream_unavailable'],
  ['no answer in time', noAnswer('timeout'), 'outcome_unknown'],
  ['an answer broken off', noAnswer('broken'), 'outcome_unknown'],
  ['a call given up', noAnswer('cancelled'), 'outcome_unknown'],
  ['a call that we did not send', busy, 'upstream_busy'],
]

for (const [title, outcome, code] of tokenRows)
  test(`at the token endpoint, ${title} is ${code}`, async (t) => {
    failsWith(t, () => judgeToken(outcome, nowMs), code)
  })

const notOnNetwork = 'NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK'

const verifyRows: Row[] = [
  ...badBodies.map((body): Row => [`200 ${JSON.stringify(body)}`, answer(200, body), 'upstream_invalid']),
  ...['true', 1, null, [true], {}].map((value): Row => {
    const body = { devicePhoneNumberVerified: value }
    return [`200 ${JSON.stringify(body)}`, answer(200, body), 'upstream_invalid']
  }),
  ['201 with a true', answer(201, { devicePhoneNumberVerified: true }), 'upstream_invalid'],
  ['403 with a true', answer(403, { devicePhoneNumberVerified: true }), 'upstream_refused'],
  ['302', answer(302, '', { location: 'https://evil.example/' }), 'upstream_invalid'],
  ['400 INVALID_ARGUMENT', camara(400, 'INVALID_ARGUMENT'), 'upstream_invalid'],
  ['401 UNAUTHENTICATED', camara(401, 'UNAUTHENTICATED'), 'upstream_refused'],
  ['403 PERMISSION_DENIED', camara(403, 'PERMISSION_DENIED'), 'upstream_refused'],
  ['403 INVALID_TOKEN_CONTEXT', camara(403, 'NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT'), 'upstream_refused'],
  ['403 of a device off the network', camara(403, notOnNetwork), 'not_on_carrier_network'],
  ['403 with these words only in its text', answer(403, { message: notOnNetwork }), 'upstream_refused'],
  ['403 with these words as an OAuth error', oauth(403, notOnNetwork), 'upstream_refused'],
  ['422 of any body', answer(422, 'canary-upstream'), 'network_not_supported'],
  ['422 CAMARA', camara(422, 'NOT_SUPPORTED'), 'network_not_supported'],
  ['500 INTERNAL', camara(500, 'INTERNAL'), 'upstream_invalid'],
  ['503 UNAVAILABLE', camara(503, 'UNAVAILABLE'), 'upstream_invalid'],
  ['504 TIMEOUT', camara(504, 'TIMEOUT'), 'upstream_invalid'],
  ['503 with Retry-After', answer(503, {}, { 'retry-after': '7' }), 'outcome_unknown'],
  ['429 problem', problem(429, 'throttled'), 'outcome_unknown'],
  ['402 problem', problem(402, 'low-balance'), 'upstream_refused'],
  ['400 OAuth', oauth(400, 'invalid_grant'), 'upstream_invalid'],
  ...badBodies.map((body): Row => [`403 ${JSON.stringify(body)}`, answer(403, body), 'upstream_refused']),
  ['no connection', noAnswer('unreachable'), 'outcome_unknown'],
  ['no answer in time', noAnswer('timeout'), 'outcome_unknown'],
  ['an answer broken off', noAnswer('broken'), 'outcome_unknown'],
  ['a call given up', noAnswer('cancelled'), 'outcome_unknown'],
  ['a call that we did not send', busy, 'outcome_unknown'],
]

for (const [title, outcome, code] of verifyRows)
  test(`at the check, ${title} is ${code}`, async (t) => {
    failsWith(t, () => judgeVerify(outcome, nowMs), code)
  })

for (const judge of [judgeToken, judgeVerify]) {
  test(`${judge.name} keeps the socket's error as the cause, for the log`, async (t) => {
    for (const kind of ['unreachable', 'timeout', 'broken', 'cancelled'] as const)
      t.equal(failureOf(t, () => judge(noAnswer(kind), nowMs)).cause, noAnswerCause)
  })

  test(`${judge.name} passes on why a call was not sent`, async (t) => {
    t.equal(failureOf(t, () => judge(busy, nowMs)).note, 'the circuit is open')
  })
}

test('the exchange passes on for how long it was not sent', async (t) => {
  t.equal(failureOf(t, () => judgeToken(busy, nowMs)).retryAfterSeconds, 30)
})

test('the exchange passes Retry-After on, in seconds or as a date, within 1 to 60', async (t) => {
  const inSeconds = (retryAfter: string) =>
    failureOf(t, () => judgeToken(answer(429, {}, { 'retry-after': retryAfter }), nowMs)).retryAfterSeconds
  t.strictSame(['7', '3600', '0', 'soon'].map(inSeconds), [7, 60, 1, 1])
  t.equal(inSeconds(new Date(nowMs + 9000).toUTCString()), 9)
})

test('both requests go on with the trace of their caller', async (t) => {
  const traced = { ...correlation, traceparent }
  t.equal(tokenRequest('a', 'https://a.example', 'jwt', traced).headers.traceparent, traceparent)
  const phoneNumber = parsePhoneNumber('+99012345678') ?? fail()
  t.equal(verifyRequest(phoneNumber, 'token', traced).headers.traceparent, traceparent)
})
