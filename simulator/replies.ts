/**
 * The error bodies of the operator, in the shapes that its documents give them.
 * Plain data: no I/O.
 */

import { randomUUID } from 'node:crypto'

export interface ErrorReply {
  status: number
  contentType: string
  body: Record<string, unknown>
}

/** A problem of the Vonage APIs: problem+json with a `type` that ends in the error's name (Vonage API errors page). */
export function vonageProblem(status: number, error: string, title: string, detail: string): ErrorReply {
  return {
    status,
    contentType: 'application/problem+json',
    body: {
      type: `https://developer.vonage.com/api-errors#${error}`,
      title,
      detail,
      instance: randomUUID(),
    },
  }
}

/** The 422 of Verify v2, which says what is wrong with which parameter. */
export function invalidParameters(list: ReadonlyArray<{ name: string; reason: string }>): ErrorReply {
  const problem = vonageProblem(422, 'invalid-params', 'Invalid params', 'Some parameters are not valid')
  return { ...problem, body: { ...problem.body, invalid_parameters: list } }
}

/** An error of the token endpoint (RFC 6749 section 5.2). */
export function oauthError(status: number, error: string, description: string): ErrorReply {
  return { status, contentType: 'application/json', body: { error, error_description: description } }
}

/** An error of the verify endpoint (CAMARA Number Verification 2.1.0, schema ErrorInfo). */
export function camaraError(status: number, code: string, message: string): ErrorReply {
  return { status, contentType: 'application/json', body: { status, code, message } }
}

/** The failure of one scope inside a 200 (Vonage Network Enablement API reference). */
export function scopeError(detail: string): Record<string, unknown> {
  return { error: { title: 'Forbidden', instance: randomUUID(), detail, error_type: 'UNAUTHORIZED' } }
}

/** The device came over another network than its mobile operator's (CAMARA Number Verification 2.1.0). */
export const notOnCarrierNetwork = camaraError(
  403,
  'NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK',
  'Client must authenticate via the mobile network to use this service',
)
