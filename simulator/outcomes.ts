/**
 * The things that the simulated operator can do with a number, as plain data for the table in `numbers.ts`.
 * The routes carry them out.
 */

import {
  camaraError,
  type ErrorReply,
  invalidParameters,
  notOnCarrierNetwork,
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
  /** The network knows no silent authentication. */
  | { kind: 'not_supported' }
  /** The first call to go on to the next step meets the replication delay. */
  | { kind: 'conflict_once' }
  /** The SMS comes so late (`Infinity`: never), and maybe with a code that is not the right one. */
  | { kind: 'message'; delayMs: number; wrongCode: boolean }

export const match: Outcome = { kind: 'match', verified: true }
export const noMatch: Outcome = { kind: 'match', verified: false }

export const notOnAllowlist = entry(scopeError('The phone number is not on the allowlist'))
export const noEntry = entry(undefined)
export const noAuthUrl = members({ auth_url: undefined })
export const foreignHttpAuthUrl = members({ auth_url: 'http://attacker.example/oauth2/auth' })
export const foreignHttpsAuthUrl = members({ auth_url: 'https://attacker.example/oauth2/auth' })
export const foreignHttpCheckUrl = members({ check_url: 'http://attacker.example/check' })
export const foreignHttpsCheckUrl = members({ check_url: 'https://attacker.example/check' })
export const carrierNetworkAbsent = members({ requires_carrier_network: undefined })
export const carrierNetworkFalse = members({ requires_carrier_network: false })

export const lowBalance = reply(vonageProblem(402, 'low-balance', 'Low balance', 'The balance is too low'))
export const numberRefused = reply(vonageProblem(422, 'invalid-params', 'Invalid', 'The number is refused'))
export const internalProblem = reply(vonageProblem(500, 'internal-error', 'Internal', 'An error occurred'))

export const redirectServerError = redirectError('server_error')
export const redirectAccessDenied = redirectError('access_denied')
export const redirectUnavailable = redirectError('temporarily_unavailable')
export const redirectUnlistedError = redirectError('carrier_says_no')
export const redirectWrongState: Outcome = { kind: 'redirect_wrong_state' }

export const invalidGrant = reply(oauthError(400, 'invalid_grant', 'The code is not valid'))
export const invalidClient = reply(oauthError(401, 'invalid_client', 'The application is not accepted'))

export const notOnNetwork = reply(notOnCarrierNetwork)
export const invalidTokenContext = reply(
  camaraError(403, 'NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT', 'The number is not the one of the token'),
)
export const permissionDenied = reply(camaraError(403, 'PERMISSION_DENIED', 'Not allowed'))
export const unauthenticated = reply(camaraError(401, 'UNAUTHENTICATED', 'The token is not valid'))
export const internal = reply(camaraError(500, 'INTERNAL', 'An error occurred'))
export const unavailable = reply(camaraError(503, 'UNAVAILABLE', 'Try again later'))
export const timeout = reply(camaraError(504, 'TIMEOUT', 'The network did not answer'))

export const htmlPage = page(200)
export const busyPage = page(503, { 'retry-after': '2' })
export const foreignRedirect = page(302, { location: 'https://attacker.example/' })
export const hugeBody = reply({ status: 200, contentType: 'text/plain', body: 'x'.repeat(1_000_000) })
export const emptyObject = emptyObjectOf(200)
export const emptyAccepted = emptyObjectOf(202)
export const cutBeforeAnswer: Outcome = { kind: 'cut', when: 'before_answer' }
export const cutWithinAnswer: Outcome = { kind: 'cut', when: 'within_answer' }
export const late8S: Outcome = { kind: 'delay', delayMs: 8_000 }
export const late15S: Outcome = { kind: 'delay', delayMs: 15_000 }

export const notSupported: Outcome = { kind: 'not_supported' }
export const conflictOnce: Outcome = { kind: 'conflict_once' }
export const noMessage: Outcome = { kind: 'message', delayMs: Number.POSITIVE_INFINITY, wrongCode: false }
export const lateMessage: Outcome = { kind: 'message', delayMs: 20_000, wrongCode: false }
export const wrongCodeMessage: Outcome = { kind: 'message', delayMs: 0, wrongCode: true }

/** A problem of Vonage's by its name. */
export function problem(status: number, error: string): Outcome {
  return reply(vonageProblem(status, error, error, 'As documented for this number'))
}

/** A 422 that names the parameter. */
export function refusedParameter(name: string): Outcome {
  return reply(invalidParameters([{ name, reason: 'is refused' }]))
}

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

function emptyObjectOf(status: number): Outcome {
  return reply({ status, contentType: 'application/json', body: {} })
}

function page(status: number, headers: Record<string, string> = {}): Outcome {
  const body = '<html>Not what you asked for</html>'
  return { kind: 'reply', status, contentType: 'text/html', body, headers }
}
