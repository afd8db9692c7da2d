/**
 * What happens to each phone number: the one table that decides every outcome of the simulated operator.
 * Single numbers come before Vonage's general rule for `+990`; all other numbers are refused.
 * Plain data. The README repeats the table, and a test holds the two equal.
 */

import type { Outcome } from './outcomes.ts'
import * as o from './outcomes.ts'

/** The request at which the outcome shows: the start, the redirect, the exchange of the code, or the check. */
type Step = 'start' | 'redirect' | 'token' | 'verify'

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
export const numbers: readonly NumberRow[] = [
  // The examples of Vonage's virtual operator documentation. It does not say where in the flow the error comes.
  single('+99012345678', 'verify', o.match, 'verified `true` (Vonage’s example)'),
  single('+99012345677', 'verify', o.noMatch, 'verified `false` (Vonage’s example)'),
  single('+99011111199', 'redirect', o.redirectServerError, '`error=server_error` (Vonage’s example)'),

  single('+990000001001', 'start', o.notOnAllowlist, '200 whose scope carries the error `Forbidden`'),
  single('+990000001002', 'start', o.noEntry, '200 without an entry for the scope'),
  single('+990000001003', 'start', o.noAuthUrl, '200 whose entry has no `auth_url`'),
  single('+990000001004', 'start', o.foreignHttpAuthUrl, '`auth_url` is plain http on a foreign host'),
  single('+990000001005', 'start', o.foreignHttpsAuthUrl, '`auth_url` is https on a foreign host'),
  single('+990000001006', 'start', o.carrierNetworkAbsent, '`requires_carrier_network` is absent'),
  single('+990000001007', 'start', o.carrierNetworkFalse, '`requires_carrier_network` is `false`'),
  single('+990000001008', 'start', o.lowBalance, '402 problem `low-balance`'),
  single('+990000001009', 'start', o.numberRefused, '422 problem `invalid-params`'),
  single('+990000001010', 'start', o.internalProblem, '500 problem `internal-error`'),
  single('+990000001011', 'start', o.busyPage, '503 HTML page with `Retry-After: 2`'),
  single('+990000001012', 'start', o.htmlPage, '200 HTML page'),
  single('+990000001013', 'start', o.hugeBody, '200 with a body of 1,000,000 bytes'),
  single('+990000001014', 'start', o.foreignRedirect, '302 to a foreign host'),
  single('+990000001015', 'start', o.late8S, 'answers after 8 s'),
  single('+990000001016', 'start', o.cutBeforeAnswer, 'connection cut before the answer'),
  single('+990000001017', 'start', o.cutWithinAnswer, 'connection cut within the answer'),

  single('+990000001020', 'redirect', o.redirectAccessDenied, '`error=access_denied`'),
  single('+990000001021', 'redirect', o.redirectUnavailable, '`error=temporarily_unavailable`'),
  single('+990000001022', 'redirect', o.redirectUnlistedError, 'an `error` that no document lists'),
  single('+990000001023', 'redirect', o.redirectWrongState, 'a `state` that is not the caller’s'),

  single('+990000001030', 'token', o.invalidGrant, '400 `invalid_grant`'),
  single('+990000001031', 'token', o.invalidClient, '401 `invalid_client`'),
  single('+990000001032', 'token', o.internalProblem, '500 problem `internal-error`'),
  single('+990000001033', 'token', o.htmlPage, '200 HTML page'),
  single('+990000001034', 'token', o.late15S, 'answers after 15 s'),
  single('+990000001035', 'token', o.cutBeforeAnswer, 'connection cut before the answer'),

  single('+990000001040', 'verify', o.noMatch, 'verified `false`, although the last digit is even'),
  single('+990000001041', 'verify', o.notOnNetwork, 'not on the carrier’s network, even over cellular'),
  single('+990000001042', 'verify', o.invalidTokenContext, '403 `NUMBER_VERIFICATION.INVALID_TOKEN_CONTEXT`'),
  single('+990000001043', 'verify', o.permissionDenied, '403 `PERMISSION_DENIED`'),
  single('+990000001044', 'verify', o.unauthenticated, '401 `UNAUTHENTICATED`'),
  single('+990000001045', 'verify', o.internal, '500 `INTERNAL`'),
  single('+990000001046', 'verify', o.unavailable, '503 `UNAVAILABLE`'),
  single('+990000001047', 'verify', o.timeout, '504 `TIMEOUT`'),
  single('+990000001048', 'verify', o.htmlPage, '200 HTML page'),
  single('+990000001049', 'verify', o.emptyObject, '200 `{}`'),
  single('+990000001050', 'verify', o.late15S, 'answers after 15 s'),
  single('+990000001051', 'verify', o.cutBeforeAnswer, 'connection cut before the answer'),

  {
    number: 'other `+990` numbers ending in 99',
    example: '+990555000199',
    pattern: /^\+990\d*99$/,
    step: 'redirect',
    outcome: o.redirectServerError,
    description: '`error=server_error`',
  },
  {
    number: 'other `+990` numbers, last digit even',
    example: '+990555000102',
    pattern: /^\+990\d*[02468]$/,
    step: 'verify',
    outcome: o.match,
    description: 'verified `true`',
  },
  {
    number: 'other `+990` numbers, last digit odd',
    example: '+990555000103',
    pattern: /^\+990\d*[13579]$/,
    step: 'verify',
    outcome: o.noMatch,
    description: 'verified `false`',
  },
  {
    number: 'any other number',
    example: '+447700900123',
    pattern: /^/,
    step: 'start',
    outcome: o.notOnAllowlist,
    description: '200 whose scope carries the error `Forbidden`',
  },
]

const singles = new Map(numbers.filter((row) => !row.pattern).map((row) => [row.number, row]))
const rules = numbers.filter((row) => row.pattern)

/** The row that decides this number (E.164 with `+`). Every number has one. */
export function findNumberRow(phoneNumber: string): NumberRow {
  const row = singles.get(phoneNumber) ?? rules.find(({ pattern }) => pattern?.test(phoneNumber))
  if (!row) throw new Error('the table has no row for any other number')
  return row
}

/** A table of numbers in Markdown, as the README has it. */
export function numbersAsMarkdown(
  table: ReadonlyArray<Omit<NumberRow, 'step'> & { step: string }> = numbers,
): string {
  const rows = table.map(({ number, pattern, step, description }) => {
    return `| ${pattern ? number : `\`${number}\``} | ${step} | ${description} |`
  })
  return ['| number | step | what happens |', '|---|---|---|', ...rows].join('\n')
}

function single(number: string, step: Step, outcome: Outcome, description: string): NumberRow {
  return { number, example: number, pattern: undefined, step, outcome, description }
}
