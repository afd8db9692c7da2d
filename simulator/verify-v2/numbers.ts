/**
 * What happens to each phone number in Verify v2, at its steps and on its way by SMS: the second table of the operator.
 * For `+990` Vonage's rule holds. Plain data. The README repeats the table, and a test holds the two equal.
 */

import type { Outcome } from '../outcomes.ts'
import * as o from '../outcomes.ts'

/** The request at which the outcome shows: the start, the device's URL, the check, the next step, or the SMS. */
type VerifyStep = 'start' | 'device' | 'check' | 'next' | 'sms'

export interface VerifyNumberRow {
  /** The number, or a description of the numbers that fit. */
  number: string
  /** A number that this row decides. */
  example: string
  /** Which numbers fit; `undefined` in the row of a single number. */
  pattern: RegExp | undefined
  step: VerifyStep
  outcome: Outcome
  description: string
}

/** The numbers of documents and films, which Ofcom gives to nobody: +44 7700 900000 to 900999. */
const prefix = '+447700900'

/** The table, in order of precedence. */
export const verifyNumbers: readonly VerifyNumberRow[] = [
  single(
    '200',
    'start',
    o.notSupported,
    'network not supported: 412, or 202 without `check_url` and the SMS',
  ),
  single('201', 'start', o.lowBalance, '402 problem `low-balance`'),
  single('202', 'start', o.problem(409, 'concurrent'), '409 problem `concurrent`'),
  single('203', 'start', o.refusedParameter('workflow[0].to'), '422 that names the number'),
  single('204', 'start', o.refusedParameter('brand'), '422 that names the brand'),
  single('205', 'start', o.problem(401, 'unauthorized'), '401 problem `unauthorized`'),
  single('206', 'start', o.problem(403, 'forbidden'), '403 problem `forbidden`'),
  single('207', 'start', o.problem(429, 'throttled'), '429 problem `throttled`'),
  single('208', 'start', o.internalProblem, '500 problem `internal-error`'),
  single('209', 'start', o.busyPage, '503 HTML page with `Retry-After: 2`'),
  single('210', 'start', o.htmlPage, '200 HTML page'),
  single('211', 'start', o.emptyAccepted, '202 `{}`'),
  single('212', 'start', o.hugeBody, '200 with a body of 1,000,000 bytes'),
  single('213', 'start', o.foreignRedirect, '302 to a foreign host'),
  single('214', 'start', o.foreignHttpCheckUrl, '`check_url` is plain http on a foreign host'),
  single('215', 'start', o.foreignHttpsCheckUrl, '`check_url` is https on a foreign host'),
  single('216', 'start', o.late8S, 'answers after 8 s'),
  single('217', 'start', o.cutBeforeAnswer, 'connection cut before the answer; the verification runs'),
  single('218', 'start', o.cutWithinAnswer, 'connection cut within the answer; the verification runs'),

  single('220', 'device', o.noMatch, '412 problem: the MSISDN does not match'),
  single('221', 'device', o.problem(412, 'precondition-failed'), '412 problem: cannot be completed'),
  single('222', 'device', o.problem(401, 'unauthorized'), '401 problem'),
  single('223', 'device', o.problem(404, 'request-not-found'), '404 problem'),
  single('224', 'device', o.problem(409, 'conflict'), '409 problem'),
  single('225', 'device', o.htmlPage, '200 HTML page'),
  single('226', 'device', o.cutBeforeAnswer, 'connection cut before the answer'),

  single('230', 'check', o.problem(400, 'invalid-code'), '400 problem `invalid-code`, although it is right'),
  single('231', 'check', o.problem(404, 'request-not-found'), '404 problem `request-not-found`'),
  single('232', 'check', o.problem(409, 'no-code'), '409 problem `no-code`'),
  single('233', 'check', o.problem(410, 'expired'), '410 problem `expired`'),
  single('234', 'check', o.problem(401, 'unauthorized'), '401 problem `unauthorized`'),
  single('235', 'check', o.lowBalance, '402 problem `low-balance`'),
  single('236', 'check', o.problem(429, 'throttled'), '429 problem `throttled`'),
  single('237', 'check', o.internalProblem, '500 problem `internal-error`'),
  single('238', 'check', o.busyPage, '503 HTML page with `Retry-After: 2`'),
  single('239', 'check', o.htmlPage, '200 HTML page'),
  single('240', 'check', o.emptyObject, '200 `{}`'),
  single('241', 'check', o.late15S, 'answers after 15 s'),
  single('242', 'check', o.cutBeforeAnswer, 'connection cut before the answer; the code is spent'),
  single('243', 'check', o.cutWithinAnswer, 'connection cut within the answer; the code is spent'),

  single('250', 'next', o.conflictOnce, '409 problem `conflict` (replication delay) once, then 200'),
  single('251', 'next', o.problem(409, 'conflict'), '409 problem `conflict` (replication delay) every time'),
  single('252', 'next', o.problem(409, 'no-next-step'), '409 problem for good'),
  single('253', 'next', o.problem(404, 'request-not-found'), '404 problem `request-not-found`'),
  single('254', 'next', o.problem(429, 'throttled'), '429 problem `throttled`'),
  single('255', 'next', o.internalProblem, '500 problem `internal-error`'),
  single('256', 'next', o.late15S, 'answers after 15 s'),
  single('257', 'next', o.cutBeforeAnswer, 'connection cut before the answer; the SMS goes out'),

  single('260', 'sms', o.noMessage, 'the SMS never comes'),
  single('261', 'sms', o.lateMessage, 'the SMS comes after 20 s'),
  single('262', 'sms', o.wrongCodeMessage, 'the code in the SMS is wrong, each time'),

  {
    number: '`+990` numbers ending in 99',
    example: '+99011111199',
    pattern: /^\+990\d*99$/,
    step: 'device',
    outcome: o.problem(412, 'precondition-failed'),
    description: '412 problem: cannot be completed',
  },
  {
    number: 'other `+990` numbers, last digit even',
    example: '+99012345678',
    pattern: /^\+990\d*[02468]$/,
    step: 'check',
    outcome: o.match,
    description: 'completed',
  },
  {
    number: 'other `+990` numbers, last digit odd',
    example: '+99012345677',
    pattern: /^\+990\d*[13579]$/,
    step: 'device',
    outcome: o.noMatch,
    description: '412 problem: the MSISDN does not match',
  },
  {
    number: 'any other number',
    example: '+447700900123',
    pattern: /^/,
    step: 'check',
    outcome: o.match,
    description: 'completed, silently or with the code of the SMS',
  },
]

const singles = new Map(verifyNumbers.filter((row) => !row.pattern).map((row) => [row.number, row]))
const rules = verifyNumbers.filter((row) => row.pattern)

/** The row that decides this number (E.164 with `+`). Every number has one. */
export function findVerifyNumberRow(phoneNumber: string): VerifyNumberRow {
  const row = singles.get(phoneNumber) ?? rules.find(({ pattern }) => pattern?.test(phoneNumber))
  if (!row) throw new Error('the table has no row for any other number')
  return row
}

function single(end: string, step: VerifyStep, outcome: Outcome, description: string): VerifyNumberRow {
  const number = `${prefix}${end}`
  return { number, example: number, pattern: undefined, step, outcome, description }
}
