/**
 * What every answer promises, and what a problem document looks like on the wire. The table is written from the public
 * contract and not from the code, so that the two can disagree.
 */
import type { Test } from 'tap'
import type { FailureCode } from '../../src/core/failures.ts'
import type { Problem } from '../../src/http/problem.ts'
import type { NextAction } from '../../src/http/problem-types.ts'
import type { RawAnswer } from './raw-http.ts'

export const contract: Readonly<Record<FailureCode, readonly [status: number, nextAction: NextAction]>> = {
  invalid_request: [400, 'fix_request'],
  invalid_phone_number: [400, 'ask_again'],
  country_not_supported: [422, 'use_fallback'],
  scope_not_allowed: [400, 'fix_request'],
  invalid_state: [400, 'start_again'],
  authorization_failed: [400, 'use_fallback'],
  code_rejected: [400, 'start_again'],
  wrong_code: [400, 'ask_again'],
  missing_token: [401, 'sign_in'],
  invalid_token: [401, 'sign_in'],
  insufficient_scope: [403, 'sign_in'],
  phone_number_not_allowed: [403, 'give_up'],
  not_on_carrier_network: [403, 'use_fallback'],
  not_found: [404, 'fix_request'],
  method_not_allowed: [405, 'fix_request'],
  request_timeout: [408, 'retry'],
  payload_too_large: [413, 'fix_request'],
  unsupported_media_type: [415, 'fix_request'],
  headers_too_large: [431, 'fix_request'],
  network_not_supported: [422, 'use_fallback'],
  verification_in_progress: [409, 'retry'],
  rate_limited: [429, 'retry'],
  internal: [500, 'give_up'],
  upstream_invalid: [502, 'use_fallback'],
  upstream_refused: [502, 'give_up'],
  upstream_unavailable: [503, 'retry'],
  upstream_busy: [503, 'retry'],
  store_unavailable: [503, 'retry'],
  idp_unavailable: [503, 'retry'],
  overloaded: [503, 'retry'],
  shutting_down: [503, 'retry'],
  upstream_timeout: [504, 'retry'],
  outcome_unknown: [504, 'start_again'],
}

export const codes = Object.keys(contract) as FailureCode[]

/** RFC 6750 section 3: no error member when no token came. */
export const challenges: Partial<Record<FailureCode, string>> = {
  missing_token: 'Bearer realm="network-enablement"',
  invalid_token: 'Bearer realm="network-enablement", error="invalid_token"',
  insufficient_scope: 'Bearer realm="network-enablement", error="insufficient_scope"',
}

const members = ['type', 'title', 'status', 'detail', 'code', 'request_id', 'next_action']

/** The headers that every answer has, and those that none has. */
export function assertSafeHeaders(t: Test, { headers }: RawAnswer): void {
  t.equal(headers.get('cache-control'), 'no-store')
  t.equal(headers.get('x-content-type-options'), 'nosniff')
  t.match(headers.get('x-request-id') ?? '', /^[A-Za-z0-9._-]{1,64}$/)
  for (const name of ['server', 'x-powered-by', 'set-cookie', 'access-control-allow-origin'])
    t.equal(headers.get(name), null, name)
}

/** An answer is exactly the problem document of this code, with the headers that belong to it. */
export function assertProblem(t: Test, answer: RawAnswer, code: FailureCode): Problem {
  const { status, headers, body } = answer
  const [expectedStatus, nextAction] = contract[code]
  const problem = JSON.parse(body) as Problem
  t.equal(problem.code, code)
  t.equal(status, expectedStatus)
  t.equal(headers.get('content-type'), 'application/problem+json')
  t.equal(headers.get('content-length'), String(Buffer.byteLength(body)))
  const { errors, ...always } = problem
  t.strictSame(Object.keys(always), members)
  t.equal(problem.type, `urn:problem-type:network-enablement-bff:${code}`)
  t.equal(problem.status, expectedStatus)
  t.equal(problem.next_action, nextAction)
  t.equal(problem.request_id, headers.get('x-request-id'))
  if (code !== 'invalid_request') t.ok(!('errors' in problem))
  for (const error of errors ?? []) t.strictSame(Object.keys(error), ['pointer', 'detail'])
  const retryAfter = headers.get('retry-after')
  if (nextAction === 'retry') t.match(retryAfter ?? '', /^([1-9]|[1-5]\d|60)$/)
  else t.equal(retryAfter, null)
  t.equal(headers.get('www-authenticate'), challenges[code] ?? null)
  assertSafeHeaders(t, answer)
  return problem
}
