/**
 * The fault matrix of codes by text message: the start of one step, the next step of a silent start, and the check of what a user typed.
 * The calls are those of Verify v2, so most faults are its own; what they mean here is from the public contract.
 */
import { type FaultRow, rowsOf } from './fault-rows-start.ts'
import { verifyV2Rows } from './fault-rows-verify-v2.ts'
import { gzipped, json, noContent, status, upstreamCanary } from './fault-server.ts'
import { breakages, hangs } from './http-faults.ts'

const next = rowsOf('verify_v2_next')
const problem = (code: number, type: string) =>
  status(code, [], { type: `https://developer.vonage.com/api-errors#${type}` })

/** What means something else than with a silent start: no URL is missed, and the user may type again. */
const meanings: Record<string, FaultRow['expected']> = {
  'verify_v2: check_url missing': 200,
  'verify_v2: check_url null': 200,
  'verify_v2: check_url empty': 200,
  'verify_v2: check_url hidden in __proto__': 200,
  'verify_v2_check: 400': 'wrong_code',
  'verify_v2_check: 422, not the form of a code': 'wrong_code',
}

const sameCalls = verifyV2Rows.map((row) => ({
  ...row,
  expected: meanings[`${row.step}: ${row.fault}`] ?? row.expected,
}))

const nextRows: FaultRow[] = [
  ...next('upstream_timeout', { takesBudget: true }, ...Object.entries(hangs)),
  ...next('upstream_invalid', {}, ...Object.entries(breakages)),
  // The message is on its way, by itself or because of this call.
  ...next(
    200,
    {},
    ['409 for good', problem(409, 'no-next-step')],
    ['409 without a reason', status(409)],
    ['200 without a body', json('')],
    ['200 with HTML', json(`<html>${upstreamCanary}</html>`)],
    ['200 with more', json({ canary: upstreamCanary, status: [1] })],
    ['gzip, though identity was asked for', gzipped({})],
  ),
  // Nothing is left of it, so that a message of its own is sent.
  ...next(200, {}, ['404', problem(404, 'request-not-found')], ['410', problem(410, 'expired')]),
  // Asked again half a second later, for which the time of these rows is too short.
  ...next('upstream_busy', { takesBudget: true }, ['409 to be asked again', problem(409, 'conflict')]),
  ...next(
    'upstream_refused',
    { fresh: true },
    ['401', problem(401, 'unauthorized')],
    ['402, a low balance', problem(402, 'low-balance')],
    ['403', problem(403, 'forbidden')],
  ),
  ...next('upstream_busy', { retryAfter: 7, pauses: true }, [
    '429 with Retry-After 7',
    status(429, ['retry-after: 7']),
  ]),
  ...next('upstream_busy', { pauses: true }, ['429 without Retry-After', problem(429, 'throttled')]),
  ...next('upstream_busy', { retryAfter: 17 }, ['503 with Retry-After 17', status(503, ['retry-after: 17'])]),
  ...next(
    'upstream_invalid',
    {},
    ['500', problem(500, 'internal-error')],
    ['503 without Retry-After', status(503)],
    ['400', status(400)],
    ['422', status(422)],
    ['202', status(202)],
    ['204', noContent],
  ),
]

export const smsRows: FaultRow[] = [...sameCalls, ...nextRows]
