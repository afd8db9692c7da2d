/**
 * What a phone sees of each failure code. This table alone decides it; `problem.ts` writes it, OpenAPI and the README repeat it.
 */
import type { FailureCode } from '../core/failures.ts'

/** What the app should do now, made to be switched on. The list may grow; an app takes an unknown one as `give_up`. */
export const nextActions = [
  'fix_request',
  'ask_again',
  'sign_in',
  'retry',
  'start_again',
  'use_fallback',
  'give_up',
] as const
export type NextAction = (typeof nextActions)[number]

export interface ProblemType {
  status: number
  nextAction: NextAction
  title: string
  /** Fixed text: nothing of the request or of upstream enters it. */
  detail: string
}

const row = (status: number, nextAction: NextAction, title: string, detail: string): ProblemType => ({
  status,
  nextAction,
  title,
  detail,
})

/** Exhaustive: a new code in `core/failures.ts` does not compile without its row here. */
export const problemTypes: Readonly<Record<FailureCode, ProblemType>> = {
  invalid_request: row(
    400,
    'fix_request',
    'Invalid request',
    'The request does not fit this API. Where errors is there, it names the place.',
  ),
  invalid_phone_number: row(
    400,
    'ask_again',
    'Invalid phone number',
    'Ask the user for the number again, and send it in E.164 form: a plus sign, then 7 to 15 digits with the calling code.',
  ),
  country_not_supported: row(
    422,
    'use_fallback',
    'Country not supported',
    'Numbers of this country cannot be verified here. Offer another way.',
  ),
  scope_not_allowed: row(
    400,
    'fix_request',
    'Scope not allowed',
    'Leave scope out, or send a configured one.',
  ),
  invalid_state: row(
    400,
    'start_again',
    'Invalid state',
    'This state is unknown, expired or already used. Start a new verification.',
  ),
  authorization_failed: row(
    400,
    'use_fallback',
    'Authorization failed',
    'The mobile network did not authorize this verification. Offer another way.',
  ),
  code_rejected: row(
    400,
    'start_again',
    'Code rejected',
    'The code was not accepted. Start a new verification.',
  ),
  wrong_code: row(
    400,
    'ask_again',
    'Wrong code',
    'Ask the user for the code of the message again, and send it with the same state.',
  ),
  missing_token: row(
    401,
    'sign_in',
    'Access token missing',
    'Send Authorization: Bearer with an access token.',
  ),
  invalid_token: row(401, 'sign_in', 'Access token not accepted', 'Sign in again to get a new access token.'),
  insufficient_scope: row(
    403,
    'sign_in',
    'Insufficient scope',
    'The access token lacks the scope that this service requires. Sign in again and ask for it.',
  ),
  phone_number_not_allowed: row(
    403,
    'give_up',
    'Phone number not allowed',
    'This user may only verify the number that the access token carries.',
  ),
  not_on_carrier_network: row(
    403,
    'use_fallback',
    'Not on the carrier network',
    'The URL was not opened over the mobile network of this number. Switch Wi-Fi off, or offer another way.',
  ),
  not_found: row(404, 'fix_request', 'Not found', 'There is nothing at this path.'),
  method_not_allowed: row(405, 'fix_request', 'Method not allowed', 'Use a method from the Allow header.'),
  request_timeout: row(408, 'retry', 'Request timeout', 'The request came too slowly. Send it again.'),
  payload_too_large: row(413, 'fix_request', 'Payload too large', 'The body may have 4096 bytes at most.'),
  unsupported_media_type: row(
    415,
    'fix_request',
    'Unsupported media type',
    'Send application/json, and no Content-Encoding.',
  ),
  network_not_supported: row(
    422,
    'use_fallback',
    'Network not supported',
    'This number cannot be verified over its mobile network. Offer another way, such as a code by SMS.',
  ),
  verification_in_progress: row(
    409,
    'retry',
    'Verification in progress',
    'This number is being verified already. Wait as long as Retry-After says.',
  ),
  rate_limited: row(
    429,
    'retry',
    'Too many requests',
    'Wait as long as Retry-After says; RateLimit names the limit and all of its time.',
  ),
  headers_too_large: row(
    431,
    'fix_request',
    'Headers too large',
    'The request line and headers are too large. Send fewer or shorter headers.',
  ),
  internal: row(500, 'give_up', 'Internal error', 'Something went wrong here. Report the request_id.'),
  upstream_invalid: row(
    502,
    'use_fallback',
    'Unusable answer from the network operator',
    'The network operator answered in an unexpected way. Offer another way.',
  ),
  upstream_refused: row(
    502,
    'give_up',
    'Refused by the network operator',
    'The network operator does not accept this service at present. Trying again will not help; report the request_id.',
  ),
  upstream_unavailable: row(
    503,
    'retry',
    'Network operator unreachable',
    'The network operator cannot be reached. Wait as long as Retry-After says.',
  ),
  upstream_busy: row(
    503,
    'retry',
    'Network operator busy',
    'The network operator takes no more calls right now. Wait as long as Retry-After says.',
  ),
  store_unavailable: row(
    503,
    'retry',
    'Store unavailable',
    'Verifications can be neither kept nor found right now. Wait as long as Retry-After says.',
  ),
  idp_unavailable: row(
    503,
    'retry',
    'Identity provider unavailable',
    'Access tokens cannot be checked right now. Wait as long as Retry-After says.',
  ),
  overloaded: row(503, 'retry', 'Overloaded', 'Too much at once. Wait as long as Retry-After says.'),
  shutting_down: row(
    503,
    'retry',
    'Shutting down',
    'This instance is stopping. Wait as long as Retry-After says; another one answers then.',
  ),
  upstream_timeout: row(
    504,
    'retry',
    'Network operator timeout',
    'The network operator did not answer in time. Wait as long as Retry-After says.',
  ),
  outcome_unknown: row(
    504,
    'start_again',
    'Outcome unknown',
    'The network operator did not answer in time and the code may be spent. Start a new verification.',
  ),
}
