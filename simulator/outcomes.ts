/**
 * The things that the simulated operator can do with a number, as plain data for the table in `numbers.ts`.
 * The routes carry them out.
 */

import {
  camaraError,
  type ErrorReply,
  NOT_ON_CARRIER_NETWORK,
  oauthError,
  scopeError,
  vonageProblem,
} from './replies.ts'

export type Outcome =
  /** The flow goes through, with this answer. */
  | { kind: 'match'; verified: boolean }
  /** This answer instead of the usual one. A body that is a string is sent as it is. */
  | { kind: 'reply'; status: number; contentType: string; body: unknown; headers?: Record<string, string> }
  /** The usual answer, late; the number then verifies as true. */
  | { kind: 'delay'; delayMs: number }
  /** The connection is cut: without any answer, or in the middle of it. */
  | { kind: 'cut'; when: 'before_answer' | 'within_answer' }
  /** In the 200 of the start, each scope has this entry; `undefined` leaves the scope out. */
  | { kind: 'entry'; entry: Record<string, unknown> | undefined }
  /** In the 200 of the start, each scope's entry has these members changed; `undefined` removes a member. */
  | { kind: 'members'; members: Record<string, unknown> }
  /** The device is redirected with this `error`. */
  | { kind: 'redirect_error'; error: string }
  /** The device is redirected with a code and a state that is not the caller's. */
  | { kind: 'redirect_wrong_state' }

export const MATCH: Outcome = { kind: 'match', verified: true }
export const NO_MATCH: Outcome = { kind: 'match', verified: false }

export const NOT_ON_ALLOWLIST = entry(scopeError('The phone number is not on the allowlist'))
export const NO_ENTRY = entry(undefined)
export const NO_AUTH_URL = members({ auth_url: undefined })
export const FOREIGN_HTTP_AUTH_URL = members({ auth_url: 'http://attacker.example/oauth2/auth' })
export const FOREIGN_HTTPS_AUTH_URL = members({ auth_url: 'https://attacker.example/oauth2/auth' })
export const CARRIER_NETWORK_ABSENT = members({ requires_carrier_network: undefined })
export const CARRIER_NETWORK_FALSE = members({ requires_carrier_network: false })

export const LOW_BALANCE = reply(vonageProblem(402, 'low-balance', 'Low balance', 'The balance is too low'))
export const NUMBER_REFUSED = reply(vonageProblem(422, 'invalid-params', 'Invalid', 'The number is refused'))
export const INTERNAL_PROBLEM = reply(vonageProblem(500, 'internal-error', 'Internal', 'An error occurred'))

export const REDIRECT_SERVER_ERROR = redirectError('server_error')
export const REDIRECT_ACCESS_DENIED = redirectError('access_denied')
export const REDIRECT_UNAVAILABLE = redirectError('temporarily_unavailable')
export const REDIRECT_UNLISTED_ERROR = redirectError('carrier_says_no')
export const REDIRECT_WRONG_STATE: Outcome = { kind: 'redirect_wrong_state' }

export const INVALID_GRANT = reply(oauthError(400, 'invalid_grant', 'The code is not valid'))
export const INVALID_CLIENT = reply(oauthError(401, 'invalid_client', 'The application is not accepted'))

export const NOT_ON_NETWORK = reply(NOT_ON_CARRIER_NETWORK)
export const INVALID_TOKEN_CONTEXT = reply(
  camaraError(403, 'NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT', 'The number is not the one of the token'),
)
export const PERMISSION_DENIED = reply(camaraError(403, 'PERMISSION_DENIED', 'Not allowed'))
export const UNAUTHENTICATED = reply(camaraError(401, 'UNAUTHENTICATED', 'The token is not valid'))
export const INTERNAL = reply(camaraError(500, 'INTERNAL', 'An error occurred'))
export const UNAVAILABLE = reply(camaraError(503, 'UNAVAILABLE', 'Try again later'))
export const TIMEOUT = reply(camaraError(504, 'TIMEOUT', 'The network did not answer'))

export const HTML_PAGE = page(200)
export const BUSY_PAGE = page(503, { 'retry-after': '2' })
export const FOREIGN_REDIRECT = page(302, { location: 'https://attacker.example/' })
export const HUGE_BODY = reply({ status: 200, contentType: 'text/plain', body: 'x'.repeat(1_000_000) })
export const EMPTY_OBJECT = reply({ status: 200, contentType: 'application/json', body: {} })
export const CUT_BEFORE_ANSWER: Outcome = { kind: 'cut', when: 'before_answer' }
export const CUT_WITHIN_ANSWER: Outcome = { kind: 'cut', when: 'within_answer' }
export const LATE_8_S: Outcome = { kind: 'delay', delayMs: 8_000 }
export const LATE_15_S: Outcome = { kind: 'delay', delayMs: 15_000 }

function entry(value: Record<string, unknown> | undefined): Outcome {
  return { kind: 'entry', entry: value }
}

function members(changes: Record<string, unknown>): Outcome {
  return { kind: 'members', members: changes }
}

function redirectError(error: string): Outcome {
  return { kind: 'redirect_error', error }
}

function reply(answer: Omit<ErrorReply, 'body'> & { body: unknown }): Outcome {
  return { kind: 'reply', ...answer }
}

function page(status: number, headers: Record<string, string> = {}): Outcome {
  const body = '<html>Not what you asked for</html>'
  return { kind: 'reply', status, contentType: 'text/html', body, headers }
}
