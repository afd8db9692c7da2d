/** The fault matrix of a finish: the token exchange and the verification. Written from the public contract. */
import { type FaultRow, httpDateIn, type Place, rowsOf } from './fault-rows-start.ts'
import { gzipped, json, noContent, status, upstreamCanary } from './fault-server.ts'
import { breakages, hangs } from './http-faults.ts'

const token = rowsOf('token')
const verify = rowsOf('verify')

const place = (
  fault: string,
  place: Place,
  expected: FaultRow['expected'],
  rest: Partial<FaultRow> = {},
): FaultRow => ({
  fault,
  step: 'token',
  place,
  expected,
  calls: 0,
  ...rest,
})

const tokenRows: FaultRow[] = [
  place('the port is closed', 'refused', 'upstream_unavailable', { errorCode: 'ECONNREFUSED' }),
  place('the name does not resolve', 'nameless', 'upstream_unavailable'),
  place('the certificate is self-signed', 'untrusted', 'upstream_unavailable'),
  place('the certificate is for another host', 'wrongHost', 'upstream_unavailable', {
    errorCode: 'ERR_TLS_CERT_ALTNAME_INVALID',
  }),
  place('the TLS port speaks plain HTTP', 'plain', 'upstream_unavailable'),
  place('the TLS handshake hangs', 'silent', 'outcome_unknown', { takesBudget: true }),
  ...token('outcome_unknown', { takesBudget: true }, ...Object.entries(hangs)),
  ...token('outcome_unknown', {}, ...Object.entries(breakages)),
  ...token('code_rejected', {}, ['invalid_grant', status(400, [], { error: 'invalid_grant' })]),
  ...token(
    'upstream_refused',
    {},
    ['401', status(401)],
    ['402, a low balance', status(402)],
    ['403', status(403)],
    ['invalid_client', status(401, [], { error: 'invalid_client' })],
    ['unauthorized_client', status(400, [], { error: 'unauthorized_client' })],
  ),
  ...token(
    'upstream_invalid',
    {},
    ['500', status(500)],
    ['503 without Retry-After', status(503)],
    ['400 without a reason', status(400)],
    ['204', noContent],
    ['200 without a body', json('')],
    ['200 with HTML', json(`<html>${upstreamCanary}</html>`)],
    ['no access_token', json({ token_type: 'bearer' })],
    ['access_token null', json({ access_token: null })],
    ['access_token a list', json({ access_token: [upstreamCanary] })],
    ['access_token empty', json({ access_token: '' })],
    ['access_token with a line break', json({ access_token: `a\r\nx: ${upstreamCanary}` })],
    ['access_token hidden in __proto__', json('{"__proto__":{"access_token":"a"}}')],
    ['gzip, though identity was asked for', gzipped({ access_token: 'a' })],
  ),
  ...token('upstream_busy', { retryAfter: 17 }, [
    '429 with Retry-After 17',
    status(429, ['retry-after: 17']),
  ]),
  ...token('outcome_unknown', {}, ['503 with Retry-After 17', status(503, ['retry-after: 17'])]),
  ...token('upstream_busy', { retryAfter: [29, 30] }, [
    '429 with a date in Retry-After',
    status(429, () => [`retry-after: ${httpDateIn(30)}`]),
  ]),
  ...token('upstream_busy', { retryAfter: 60 }, ['429 with 10^9', status(429, ['retry-after: 1000000000'])]),
  ...token('upstream_busy', {}, ['429 without Retry-After', status(429)]),
]

const verifyRows: FaultRow[] = [
  ...verify('outcome_unknown', { takesBudget: true }, ...Object.entries(hangs)),
  ...verify('outcome_unknown', {}, ...Object.entries(breakages)),
  ...verify(
    'upstream_refused',
    {},
    ['401', status(401)],
    ['402, a low balance', status(402)],
    ['403', status(403, [], { code: 'PERMISSION_DENIED' })],
  ),
  ...verify('not_on_carrier_network', {}, [
    '403, not over the mobile network',
    status(403, [], { code: 'NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK' }),
  ]),
  ...verify('network_not_supported', {}, ['422', status(422)]),
  ...verify(
    'upstream_invalid',
    {},
    ['500', status(500)],
    ['503 without Retry-After', status(503)],
    ['404', status(404)],
    ['204', noContent],
    ['200 without a body', json('')],
    ['200 with HTML', json(`<html>${upstreamCanary}</html>`)],
    ['no result', json({})],
    ['a result of null', json({ devicePhoneNumberVerified: null })],
    ['a result that is a text', json({ devicePhoneNumberVerified: 'true' })],
    ['a result that is 1', json({ devicePhoneNumberVerified: 1 })],
    ['a result hidden in __proto__', json('{"__proto__":{"devicePhoneNumberVerified":true}}')],
    ['gzip, though identity was asked for', gzipped({ devicePhoneNumberVerified: true })],
  ),
  ...verify(
    'outcome_unknown',
    {},
    ['429 with Retry-After 17', status(429, ['retry-after: 17'])],
    ['503 with Retry-After 17', status(503, ['retry-after: 17'])],
  ),
  ...verify(200, {}, ['extra members', json({ devicePhoneNumberVerified: true, more: upstreamCanary })]),
]

export const finishRows: FaultRow[] = [...tokenRows, ...verifyRows]
