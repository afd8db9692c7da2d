/** The fault matrix of a start: what Vonage does, and what the app gets. Written from the public contract. */
import type { FailureCode } from '../../src/core/failures.ts'
import {
  type Act,
  gzipped,
  json,
  noContent,
  type Step,
  scope,
  startBody,
  status,
  upstreamCanary,
} from './fault-server.ts'
import { answer, breakages, hangs, write } from './http-faults.ts'

/** Where the fault is that no server acts out: the keys of `badPlaces`. */
export type Place = 'refused' | 'nameless' | 'untrusted' | 'wrongHost' | 'plain' | 'silent'

export interface FaultRow {
  fault: string
  step: Step
  /** What Vonage does with each call of this step, */
  act?: Act
  /** or where it is instead. */
  place?: Place
  /** 200 when the fault harms nobody. */
  expected: FailureCode | 200
  /** Seconds, exactly or at least and at most. Unless given, retry codes have 1. */
  retryAfter?: number | [least: number, most: number]
  /** Whole requests that reach Vonage in this step. Default 1. */
  calls?: number
  /** The log line names the foreign error by this code. */
  errorCode?: string
  /** It takes the whole budget, and not more. */
  takesBudget?: true
  /** The start quota is stopped by it, so that the next start is refused as well. */
  pauses?: true
  /** Our JWT is new, so that no other one is tried. */
  fresh?: true
}

type Rest = Omit<FaultRow, 'fault' | 'step' | 'expected'>
export const rowsOf =
  (step: Step) =>
  (expected: FailureCode | 200, rest: Rest, ...faults: [string, Act][]): FaultRow[] =>
    faults.map(([fault, act]) => ({ fault, step, act, expected, ...rest }))

const rows = rowsOf('start')
const place = (fault: string, place: Place, expected: FailureCode, rest: Rest = {}): FaultRow[] => [
  { fault, step: 'start', place, expected, calls: 0, ...rest },
]

export const httpDateIn = (seconds: number) => new Date(Date.now() + 1000 * seconds).toUTCString()
const entry = (members: object) => json(startBody({ ...members, canary: upstreamCanary }))
const goodUrl = 'http://127.0.0.1/auth?state=x'
const goodBody = JSON.stringify(startBody({ auth_url: goodUrl }))
/** JSON text, so that a member can be called `__proto__`. */
const poison = `"__proto__":{"auth_url":"${goodUrl}","scopes":{"${scope}":{"auth_url":"${goodUrl}"}},"polluted":true}`

export const startRows: FaultRow[] = [
  ...place('the port is closed', 'refused', 'upstream_unavailable', { errorCode: 'ECONNREFUSED' }),
  ...place('the name does not resolve', 'nameless', 'upstream_unavailable'),
  ...place('the certificate is self-signed', 'untrusted', 'upstream_unavailable'),
  ...place('the certificate is for another host', 'wrongHost', 'upstream_unavailable', {
    errorCode: 'ERR_TLS_CERT_ALTNAME_INVALID',
  }),
  ...place('the TLS port speaks plain HTTP', 'plain', 'upstream_unavailable'),
  ...place('the TLS handshake hangs', 'silent', 'upstream_timeout', { takesBudget: true }),

  ...rows('upstream_timeout', { takesBudget: true }, ...Object.entries(hangs)),
  ...rows('upstream_invalid', {}, ...Object.entries(breakages)),

  ...rows(
    'upstream_invalid',
    {},
    ['500', status(500)],
    ['502', status(502)],
    ['503 without Retry-After', status(503)],
    ['504', status(504)],
    ['400', status(400)],
    ['404', status(404)],
    ['405', status(405)],
  ),
  ...rows('upstream_busy', { retryAfter: 17 }, ['503 with Retry-After 17', status(503, ['retry-after: 17'])]),
  ...rows('upstream_busy', { retryAfter: 60 }, [
    '503 with Retry-After 3600',
    status(503, ['retry-after: 3600']),
  ]),
  ...rows('upstream_busy', { retryAfter: [29, 30] }, [
    '503 with a date in Retry-After',
    status(503, () => [`retry-after: ${httpDateIn(30)}`]),
  ]),
  ...rows('upstream_busy', { retryAfter: 7, pauses: true }, [
    '429 with Retry-After 7',
    status(429, ['retry-after: 7']),
  ]),
  ...rows('upstream_busy', { retryAfter: [39, 40], pauses: true }, [
    '429 with a date in Retry-After',
    status(429, () => [`retry-after: ${httpDateIn(40)}`]),
  ]),
  ...rows('upstream_busy', { pauses: true }, ['429 without Retry-After', status(429)]),
  ...rows('upstream_busy', { pauses: true }, ['429 with garbage', status(429, ['retry-after: soon'])]),
  ...rows('upstream_busy', { retryAfter: 60, pauses: true }, [
    '429 with 10^9',
    status(429, ['retry-after: 1000000000']),
  ]),

  ...rows(
    'upstream_refused',
    { fresh: true },
    ['401', status(401)],
    ['402, a low balance', status(402)],
    ['403', status(403, [], { code: 'PERMISSION_DENIED' })],
  ),

  ...rows(
    'upstream_invalid',
    {},
    ['200 without a body', json('')],
    ['200 with HTML', json(`<html>${upstreamCanary}</html>`)],
    ['200 with half a JSON', json(`{"scopes":{"${upstreamCanary}":`)],
    ['200 with JSON and more', json(`{"scopes":{}} ${upstreamCanary}`)],
    ['200 with a list', json([startBody({})])],
    ['200 with null', json('null')],
    ['200 with a text', json(`"${upstreamCanary}"`)],
    ['scopes missing', json({ canary: upstreamCanary })],
    ['scopes null', json({ scopes: null })],
    ['scopes a list', json({ scopes: [{ [scope]: { auth_url: goodUrl } }] })],
    ['scopes a text', json({ scopes: upstreamCanary })],
    ['the entry a text', json(startBody(goodUrl))],
    ['the entry a list', json(startBody([goodUrl]))],
    ['the entry null', json(startBody(null))],
    ['auth_url a number', entry({ auth_url: 7 })],
    ['auth_url a list', entry({ auth_url: [goodUrl] })],
    ['auth_url an object', entry({ auth_url: { href: goodUrl } })],
    ['requires_carrier_network a text', entry({ auth_url: goodUrl, requires_carrier_network: 'true' })],
    ['auth_url on a host that is not allowed', entry({ auth_url: `https://evil.example/${upstreamCanary}` })],
    ['auth_url a script', entry({ auth_url: `javascript:${upstreamCanary}` })],
    ['auth_url with userinfo', entry({ auth_url: 'http://127.0.0.1@evil.example/' })],
    ['scopes hidden in __proto__', json(`{${poison}}`)],
    ['204', noContent],
    ['gzip, though identity was asked for', gzipped(startBody({ auth_url: goodUrl }))],
    [
      'two answers at once',
      write('HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n[HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}'),
    ],
  ),

  ...rows(
    'network_not_supported',
    {},
    ['422', status(422)],
    ['an error for the scope', entry({ error: { code: upstreamCanary } })],
    ['an error beside an auth_url', entry({ error: upstreamCanary, auth_url: goodUrl })],
    ['the scope missing', json({ scopes: { other: { auth_url: goodUrl } } })],
    ['no scope at all', json({ scopes: {} })],
    [
      'the scope hidden in __proto__',
      json(`{"scopes":{"__proto__":{"${scope}":{"auth_url":"${goodUrl}"}}}}`),
    ],
    ['auth_url missing', entry({})],
    ['auth_url null', entry({ auth_url: null })],
    ['auth_url empty', entry({ auth_url: '' })],
    ['auth_url hidden in __proto__', json(`{"scopes":{"${scope}":{${poison}}}}`)],
  ),

  ...rows(
    200,
    {},
    ['extra members', json({ ...startBody({ auth_url: goodUrl, app_url: null, more: [1] }), more: {} })],
    ['requires_carrier_network missing', entry({ auth_url: goodUrl })],
    ['a poisoned __proto__ beside a good answer', json(`{${poison},${goodBody.slice(1)}`)],
    ['a content type that is not JSON', write(answer(goodBody, 'content-type: text/html'))],
  ),
]
