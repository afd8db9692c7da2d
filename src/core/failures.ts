/**
 * Every way in which a request can fail, as a closed list of codes. The core and the adapters throw
 * `ServiceFailure`; `http/problem.ts` alone decides what a phone sees of it. Anything else that is thrown is a bug.
 */

/** The stable codes of the public contract. A new one does not compile until `http/problem.ts` has a row for it. */
export type FailureCode =
  | 'invalid_request'
  | 'invalid_phone_number'
  | 'country_not_supported'
  | 'scope_not_allowed'
  | 'invalid_state'
  | 'authorization_failed'
  | 'code_rejected'
  | 'wrong_code'
  | 'missing_token'
  | 'invalid_token'
  | 'insufficient_scope'
  | 'phone_number_not_allowed'
  | 'not_on_carrier_network'
  | 'not_found'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'headers_too_large'
  | 'network_not_supported'
  | 'verification_in_progress'
  | 'rate_limited'
  | 'internal'
  | 'upstream_invalid'
  | 'upstream_refused'
  | 'upstream_unavailable'
  | 'upstream_busy'
  | 'store_unavailable'
  | 'idp_unavailable'
  | 'overloaded'
  | 'shutting_down'
  | 'upstream_timeout'
  | 'outcome_unknown'

export interface FailureContext {
  /** The foreign error behind this one. Log only. */
  cause?: unknown
  /** One precise line for the operator, free of personal data. Log only. */
  note?: string
  /** Whole seconds, 1 to 60. Codes with the next action `retry` get 1 when it is absent. */
  retryAfterSeconds?: number
}

export class ServiceFailure extends Error {
  override readonly name = 'ServiceFailure'
  readonly code: FailureCode
  readonly note: string | undefined
  readonly retryAfterSeconds: number | undefined

  constructor(code: FailureCode, context: FailureContext = {}) {
    super(code, context.cause === undefined ? undefined : { cause: context.cause })
    this.code = code
    this.note = context.note
    this.retryAfterSeconds = context.retryAfterSeconds
  }
}

const unspentCodes: ReadonlySet<FailureCode> = new Set(['upstream_unavailable', 'upstream_busy'])

/** Whether the operator surely never looked at the code that it was to check, so that the same request may be sent again. */
export function leavesCodeUnspent(failure: unknown): boolean {
  return failure instanceof ServiceFailure && unspentCodes.has(failure.code)
}
