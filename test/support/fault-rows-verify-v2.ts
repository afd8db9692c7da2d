/** The fault matrix of Verify v2: the start and the check of a code. Written from the public contract. */
import { type FaultRow, httpDateIn, type Place, rowsOf } from './fault-rows-start.ts'
import { accepted, acceptedBody, gzipped, json, noContent, status, upstreamCanary } from './fault-server.ts'
import { answer, breakages, hangs, write } from './http-faults.ts'

const start = rowsOf('verify_v2')
const check = rowsOf('verify_v2_check')

const place = (
  fault: string,
  place: Place,
  expected: FaultRow['expected'],
  rest: Partial<FaultRow> = {},
): FaultRow => ({ fault, step: 'verify_v2', place, expected, calls: 0, ...rest })

const good = acceptedBody()
const url = good.check_url
const entry = (members: object) => accepted({ ...good, canary: upstreamCanary, ...members })
const problem = (code: number, type: string, members: object = {}) =>
  status(code, [], { type: `https://developer.vonage.com/api-errors#${type}`, ...members })
const refusedParameter = (name: string) =>
  problem(422, 'invalid-params', { invalid_parameters: [{ name, reason: upstreamCanary }] })

const startRows: FaultRow[] = [
  place('the port is closed', 'refused', 'upstream_unavailable', { errorCode: 'ECONNREFUSED' }),
  place('the name does not resolve', 'nameless', 'upstream_unavailable'),
  place('the certificate is self-signed', 'untrusted', 'upstream_unavailable'),
  place('the certificate is for another host', 'wrongHost', 'upstream_unavailable', {
    errorCode: 'ERR_TLS_CERT_ALTNAME_INVALID',
  }),
  place('the TLS port speaks plain HTTP', 'plain', 'upstream_unavailable'),
  place('the TLS handshake hangs', 'silent', 'upstream_timeout', { takesBudget: true }),

  ...start('upstream_timeout', { takesBudget: true }, ...Object.entries(hangs)),
  ...start('upstream_invalid', {}, ...Object.entries(breakages)),

  ...start('verification_in_progress', { retryAfter: 60 }, ['409', problem(409, 'concurrent')]),
  ...start('verification_in_progress', { retryAfter: 60 }, [
    '409 with another Retry-After',
    status(409, ['retry-after: 5']),
  ]),
  ...start(
    'network_not_supported',
    {},
    ['412', problem(412, 'precondition-failed')],
    ['422 about the number', refusedParameter('to')],
    ['422 about the number, by its place', refusedParameter('workflow[0].to')],
    ['check_url missing', entry({ check_url: undefined })],
    ['check_url null', entry({ check_url: null })],
    ['check_url empty', entry({ check_url: '' })],
    [
      'check_url hidden in __proto__',
      accepted(`{"request_id":"${good.request_id}","__proto__":{"check_url":"${url}"}}`),
    ],
  ),
  ...start(
    'upstream_refused',
    { fresh: true },
    ['401', problem(401, 'unauthorized')],
    ['402, a low balance', problem(402, 'low-balance')],
    ['403', problem(403, 'forbidden')],
    ['422 about the brand', refusedParameter('brand')],
    ['422 without a reason', status(422)],
    ['422 whose reason is no list', problem(422, 'invalid-params', { invalid_parameters: { name: 'to' } })],
  ),
  ...start('upstream_busy', { retryAfter: 7, pauses: true }, [
    '429 with Retry-After 7',
    status(429, ['retry-after: 7']),
  ]),
  ...start('upstream_busy', { pauses: true }, ['429 without Retry-After', problem(429, 'throttled')]),
  ...start('upstream_busy', { retryAfter: 17 }, [
    '503 with Retry-After 17',
    status(503, ['retry-after: 17']),
  ]),
  ...start('upstream_busy', { retryAfter: [29, 30] }, [
    '503 with a date in Retry-After',
    status(503, () => [`retry-after: ${httpDateIn(30)}`]),
  ]),
  ...start(
    'upstream_invalid',
    {},
    ['500', problem(500, 'internal-error')],
    ['503 without Retry-After', status(503)],
    ['400', status(400)],
    ['404', status(404)],
    ['410', status(410)],
    ['200 instead of 202', json(good)],
    ['204', noContent],
    ['202 without a body', accepted('')],
    ['202 with HTML', accepted(`<html>${upstreamCanary}</html>`)],
    ['202 with half a JSON', accepted(`{"request_id":"${upstreamCanary}`)],
    ['202 with a list', accepted([good])],
    ['202 with null', accepted('null')],
    ['gzip, though identity was asked for', gzipped(good, 202)],
    ['request_id missing', entry({ request_id: undefined })],
    ['request_id null', entry({ request_id: null })],
    ['request_id a number', entry({ request_id: 7 })],
    ['request_id empty', entry({ request_id: '' })],
    ['request_id that leaves its path', entry({ request_id: `../${upstreamCanary}` })],
    ['request_id with a line break', entry({ request_id: `a\r\nx: ${upstreamCanary}` })],
    ['request_id hidden in __proto__', accepted(`{"__proto__":${JSON.stringify(good)}}`)],
    ['check_url a number', entry({ check_url: 7 })],
    ['check_url a list', entry({ check_url: [url] })],
    [
      'check_url on a host that is not allowed',
      entry({ check_url: `https://evil.example/${upstreamCanary}` }),
    ],
    ['check_url a script', entry({ check_url: `javascript:${upstreamCanary}` })],
    ['check_url with userinfo', entry({ check_url: 'http://127.0.0.1@evil.example/' })],
  ),
  ...start(
    200,
    {},
    ['extra members', entry({ more: [1], status: upstreamCanary })],
    ['a content type that is not JSON', accepted(good, 'content-type: text/html')],
  ),
]

const checkRows: FaultRow[] = [
  ...check('outcome_unknown', { takesBudget: true }, ...Object.entries(hangs)),
  ...check('outcome_unknown', {}, ...Object.entries(breakages)),
  ...check(
    'code_rejected',
    {},
    ['400', problem(400, 'invalid-code')],
    ['404', problem(404, 'request-not-found')],
    ['409', problem(409, 'no-code')],
    ['410', problem(410, 'expired')],
    ['422, not the form of a code', refusedParameter('code')],
  ),
  ...check(
    'upstream_refused',
    { fresh: true },
    ['401', problem(401, 'unauthorized')],
    ['402, a low balance', problem(402, 'low-balance')],
    ['403', problem(403, 'forbidden')],
  ),
  ...check('upstream_busy', { retryAfter: 17 }, [
    '429 with Retry-After 17',
    status(429, ['retry-after: 17']),
  ]),
  ...check('upstream_busy', {}, ['429 without Retry-After', problem(429, 'throttled')]),
  ...check('upstream_busy', { retryAfter: 60 }, ['429 with 10^9', status(429, ['retry-after: 1000000000'])]),
  ...check('outcome_unknown', {}, ['503 with Retry-After 17', status(503, ['retry-after: 17'])]),
  ...check(
    'upstream_invalid',
    {},
    ['500', problem(500, 'internal-error')],
    ['503 without Retry-After', status(503)],
    ['202', accepted({ status: 'completed' })],
    ['204', noContent],
    ['200 without a body', json('')],
    ['200 with HTML', json(`<html>${upstreamCanary}</html>`)],
    ['200 with a list', json([{ status: 'completed' }])],
    ['no status', json({ request_id: good.request_id })],
    ['a status of null', json({ status: null })],
    ['a status that is true', json({ status: true })],
    ['another status', json({ status: upstreamCanary })],
    ['a status hidden in __proto__', json('{"__proto__":{"status":"completed"}}')],
    ['gzip, though identity was asked for', gzipped({ status: 'completed' })],
  ),
  ...check(
    200,
    {},
    ['extra members', json({ status: 'completed', more: upstreamCanary })],
    [
      'a content type that is not JSON',
      write(answer(JSON.stringify({ status: 'completed' }), 'content-type: text/html')),
    ],
  ),
]

export const verifyV2Rows: FaultRow[] = [...startRows, ...checkRows]
