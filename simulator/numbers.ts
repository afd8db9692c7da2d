/**
 * What happens to each phone number: the one table that decides every outcome of the simulated operator.
 * Single numbers come before Vonage's general rule for `+990`; all other numbers are refused.
 * Plain data. The README repeats the table, and a test holds the two equal.
 */

import type { Outcome } from './outcomes.ts'
import * as o from './outcomes.ts'

/** The request at which the outcome shows: the start, the redirect, the exchange of the code, or the check. */
export type Step = 'start' | 'redirect' | 'token' | 'verify'

export interface NumberRow {
  /** The number, or a description of the numbers that fit. */
  number: string
  /** A number that this row decides. */
  example: string
  /** Which numbers fit; `undefined` in the row of a single number. */
  pattern: RegExp | undefined
  step: Step
  outcome: Outcome
  description: string
}

/** The table, in order of precedence. Every row shows at one step; the steps before it go well. */
export const NUMBERS: readonly NumberRow[] = [
  // The examples of Vonage's virtual operator documentation. It does not say where in the flow the error comes.
  single('+99012345678', 'verify', o.MATCH, 'verified `true` (Vonage’s example)'),
  single('+99012345677', 'verify', o.NO_MATCH, 'verified `false` (Vonage’s example)'),
  single('+99011111199', 'redirect', o.REDIRECT_SERVER_ERROR, '`error=server_error` (Vonage’s example)'),

  single('+990000001001', 'start', o.NOT_ON_ALLOWLIST, '200 whose scope carries the error `Forbidden`'),
  single('+990000001002', 'start', o.NO_ENTRY, '200 without an entry for the scope'),
  single('+990000001003', 'start', o.NO_AUTH_URL, '200 whose entry has no `auth_url`'),
  single('+990000001004', 'start', o.FOREIGN_HTTP_AUTH_URL, '`auth_url` is plain http on a foreign host'),
  single('+990000001005', 'start', o.FOREIGN_HTTPS_AUTH_URL, '`auth_url` is https on a foreign host'),
  single('+990000001006', 'start', o.CARRIER_NETWORK_ABSENT, '`requires_carrier_network` is absent'),
  single('+990000001007', 'start', o.CARRIER_NETWORK_FALSE, '`requires_carrier_network` is `false`'),
  single('+990000001008', 'start', o.LOW_BALANCE, '402 problem `low-balance`'),
  single('+990000001009', 'start', o.NUMBER_REFUSED, '422 problem `invalid-params`'),
  single('+990000001010', 'start', o.INTERNAL_PROBLEM, '500 problem `internal-error`'),
  single('+990000001011', 'start', o.BUSY_PAGE, '503 HTML page with `Retry-After: 2`'),
  single('+990000001012', 'start', o.HTML_PAGE, '200 HTML page'),
  single('+990000001013', 'start', o.HUGE_BODY, '200 with a body of 1,000,000 bytes'),
  single('+990000001014', 'start', o.FOREIGN_REDIRECT, '302 to a foreign host'),
  single('+990000001015', 'start', o.LATE_8_S, 'answers after 8 s'),
  single('+990000001016', 'start', o.CUT_BEFORE_ANSWER, 'connection cut before the answer'),
  single('+990000001017', 'start', o.CUT_WITHIN_ANSWER, 'connection cut within the answer'),

  single('+990000001020', 'redirect', o.REDIRECT_ACCESS_DENIED, '`error=access_denied`'),
  single('+990000001021', 'redirect', o.REDIRECT_UNAVAILABLE, '`error=temporarily_unavailable`'),
  single('+990000001022', 'redirect', o.REDIRECT_UNLISTED_ERROR, 'an `error` that no document lists'),
  single('+990000001023', 'redirect', o.REDIRECT_WRONG_STATE, 'a `state` that is not the caller’s'),

  single('+990000001030', 'token', o.INVALID_GRANT, '400 `invalid_grant`'),
  single('+990000001031', 'token', o.INVALID_CLIENT, '401 `invalid_client`'),
  single('+990000001032', 'token', o.INTERNAL_PROBLEM, '500 problem `internal-error`'),
  single('+990000001033', 'token', o.HTML_PAGE, '200 HTML page'),
  single('+990000001034', 'token', o.LATE_15_S, 'answers after 15 s'),
  single('+990000001035', 'token', o.CUT_BEFORE_ANSWER, 'connection cut before the answer'),

  single('+990000001040', 'verify', o.NO_MATCH, 'verified `false`, although the last digit is even'),
  single('+990000001041', 'verify', o.NOT_ON_NETWORK, 'not on the carrier’s network, even over cellular'),
  single(
    '+990000001042',
    'verify',
    o.INVALID_TOKEN_CONTEXT,
    '403 `NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT`',
  ),
  single('+990000001043', 'verify', o.PERMISSION_DENIED, '403 `PERMISSION_DENIED`'),
  single('+990000001044', 'verify', o.UNAUTHENTICATED, '401 `UNAUTHENTICATED`'),
  single('+990000001045', 'verify', o.INTERNAL, '500 `INTERNAL`'),
  single('+990000001046', 'verify', o.UNAVAILABLE, '503 `UNAVAILABLE`'),
  single('+990000001047', 'verify', o.TIMEOUT, '504 `TIMEOUT`'),
  single('+990000001048', 'verify', o.HTML_PAGE, '200 HTML page'),
  single('+990000001049', 'verify', o.EMPTY_OBJECT, '200 `{}`'),
  single('+990000001050', 'verify', o.LATE_15_S, 'answers after 15 s'),
  single('+990000001051', 'verify', o.CUT_BEFORE_ANSWER, 'connection cut before the answer'),

  {
    number: 'other `+990` numbers ending in 99',
    example: '+990555000199',
    pattern: /^\+990\d*99$/,
    step: 'redirect',
    outcome: o.REDIRECT_SERVER_ERROR,
    description: '`error=server_error`',
  },
  {
    number: 'other `+990` numbers, last digit even',
    example: '+990555000102',
    pattern: /^\+990\d*[02468]$/,
    step: 'verify',
    outcome: o.MATCH,
    description: 'verified `true`',
  },
  {
    number: 'other `+990` numbers, last digit odd',
    example: '+990555000103',
    pattern: /^\+990\d*[13579]$/,
    step: 'verify',
    outcome: o.NO_MATCH,
    description: 'verified `false`',
  },
  {
    number: 'any other number',
    example: '+447700900123',
    pattern: /^/,
    step: 'start',
    outcome: o.NOT_ON_ALLOWLIST,
    description: '200 whose scope carries the error `Forbidden`',
  },
]

const singles = new Map(NUMBERS.filter((row) => !row.pattern).map((row) => [row.number, row]))
const rules = NUMBERS.filter((row) => row.pattern)

/** The row that decides this number (E.164 with `+`). Every number has one. */
export function findNumberRow(phoneNumber: string): NumberRow {
  const row = singles.get(phoneNumber) ?? rules.find(({ pattern }) => pattern?.test(phoneNumber))
  if (!row) throw new Error('the table has no row for any other number')
  return row
}

/** The table in Markdown, as the README has it. */
export function numbersAsMarkdown(): string {
  const rows = NUMBERS.map(({ number, pattern, step, description }) => {
    return `| ${pattern ? number : `\`${number}\``} | ${step} | ${description} |`
  })
  return ['| number | step | what happens |', '|---|---|---|', ...rows].join('\n')
}

function single(number: string, step: Step, outcome: Outcome, description: string): NumberRow {
  return { number, example: number, pattern: undefined, step, outcome, description }
}
