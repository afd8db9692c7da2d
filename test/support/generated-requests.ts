/**
 * Requests made by chance, half of them nearly good, for fast-check. Framing is honest here: what lies about lengths is in
 * `framing.ts`.
 */
import { METHODS } from 'node:http'
import fc from 'fast-check'

export interface GeneratedRequest {
  method: string
  target: string
  headers: [name: string, value: string][]
  /** One character a byte. */
  body: string
  chunked: boolean
}

/** Stand for a good access token and for the state of a verification that was just started by its subject. */
export const tokenMark = 'a-good-token'
export const stateMark = 'the-state-of-a-verification'

const scope = 'dpv:FraudPreventionAndDetection#number-verification-verify-read'
const names = [
  'phone_number',
  'scope',
  'code',
  'state',
  'error',
  'error_description',
  '__proto__',
  'constructor',
]
const values = [
  '+99012345678',
  '+4915112345678',
  scope,
  'a-code',
  stateMark,
  's'.repeat(43),
  'access_denied',
  '',
]

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ maxLength: 80 }),
  fc.constantFrom(...names, ...values),
  fc.integer({ min: 2000, max: 4200 }).map((length) => 'x'.repeat(length)),
)
const memberValue = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...values) },
  { weight: 2, arbitrary: anyText },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 3, noUnicodeString: false }) },
)
const member = fc.tuple(
  fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: anyText }),
  memberValue,
)

/** Not those that frame the request or keep its connection. */
const headerName = fc.oneof(
  fc.constantFrom(
    'Authorization',
    'Content-Type',
    'Content-Encoding',
    'Host',
    'Expect',
    'Upgrade',
    'TE',
    'Trailer',
    'Accept',
    'Accept-Encoding',
    'Accept-Version',
    'Range',
    'If-Range',
    'If-Match',
    'If-None-Match',
    'If-Modified-Since',
    'Origin',
    'Cookie',
    'X-Request-Id',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-HTTP-Method-Override',
    'X-Original-URL',
    'Forwarded',
    'traceparent',
    'tracestate',
    '__proto__',
    'constructor',
  ),
  fc
    .stringMatching(/^[!#$%&'*+.^`|~\w-]{1,20}$/)
    .filter((name) => !/^(connection|content-length|transfer-encoding)$/i.test(name)),
)
const headerValue = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.constantFrom(
      '',
      '*',
      '*/*',
      'application/json',
      'application/json; charset=utf-8',
      'application/json;',
      'text/plain',
      'gzip',
      '100-continue',
      'bytes=0-1',
      'bytes=9-1,-',
      'Bearer',
      `Bearer ${tokenMark}`,
      `Bearer ${tokenMark}x`,
      'Bearer a.b.c',
      'Basic YTpi',
      '127.0.0.1',
      '::1, nonsense',
      '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
      'x'.repeat(9000),
    ),
  },
  { weight: 8, arbitrary: fc.stringMatching(/^[ -~]{0,60}$/) },
  // A control character here is no request any more.
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(...'\t\x01\x7f\x80\xffa '), maxLength: 20 }) },
)
const headers = fc.array(fc.tuple(headerName, headerValue), { maxLength: 3 })

/** Cuts the text, or puts something in. */
const damage = fc.tuple(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.nat(3),
  fc.constantFrom('', '{', '"', ',', '\0', '\\', '%', '\xff'),
)

const json = (members: readonly (readonly [string, unknown])[]) =>
  `{${members.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`
const query = (members: readonly (readonly [string, unknown])[]) =>
  members.map(([name, value]) => `${escaped(name)}=${escaped(value)}`).join('&')
/** Lone surrogates have no escape. */
const escaped = (value: unknown) => encodeURIComponent(String(value).toWellFormed())
const latin1 = (text: string) => Buffer.from(text).toString('latin1')

const goodMembers: Record<string, [string, string][]> = {
  '/v1/network-enablement': [['phone_number', '+99012345678']],
  '/v1/number-verification': [
    ['code', 'a-code'],
    ['state', stateMark],
  ],
  '/v1/network-enablement/callback': [
    ['code', 'a-code'],
    ['state', 's'.repeat(43)],
  ],
}
const goodHeaders: [string, string][] = [
  ['Authorization', `Bearer ${tokenMark}`],
  ['Content-Type', 'application/json'],
]

/** The good request of the route with up to three things changed. */
function nearlyGood(method: string, path: string): fc.Arbitrary<GeneratedRequest> {
  const good = goodMembers[path] ?? []
  return fc
    .record({
      members: fc.tuple(
        ...good.map(([name, value]) =>
          fc.oneof(
            { weight: 6, arbitrary: fc.constant([[name, value]]) },
            { weight: 3, arbitrary: memberValue.map((other) => [[name, other]]) },
            { weight: 1, arbitrary: fc.constant([]) },
          ),
        ),
      ),
      more: fc.oneof(
        { weight: 3, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(member, { maxLength: 2 }) },
      ),
      headers: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: headers }),
      damage: fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: damage }),
      chunked: fc.boolean(),
    })
    .map(({ members: good, more, headers, damage, chunked }) => {
      const members = [...good.flat(), ...more] as [string, unknown][]
      const [share = 1, cut = 0, put = ''] = damage ?? []
      const damaged = (text: string) => {
        const at = Math.floor(share * text.length)
        return text.slice(0, at) + put + text.slice(at + cut)
      }
      const isGet = method === 'GET'
      return {
        method,
        target:
          isGet && members.length > 0
            ? `${path}?${damaged(query(members))}`.replaceAll(/[\0"\xff]/g, '%')
            : path,
        headers: [...goodHeaders, ...headers],
        body: isGet ? '' : latin1(damaged(json(members))),
        chunked: !isGet && chunked,
      }
    })
}

function wild(path: string): fc.Arbitrary<GeneratedRequest> {
  const urlText = fc.stringMatching(/^[!-~]{0,30}$/)
  const methods = METHODS.filter((method) => method !== 'HEAD')
  return fc.record({
    method: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom('GET', 'POST') },
      { weight: 2, arbitrary: fc.constantFrom(...methods) },
      { weight: 1, arbitrary: fc.stringMatching(/^[A-Za-z]{1,9}$/) },
    ),
    target: fc.oneof(
      fc.constant(path),
      urlText.map((text) => `${path}?${text}`),
      urlText.map((text) => `${path}/${text}`),
      urlText.map((text) => `${path}${text}`),
      urlText.map((text) => `/${text}`),
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc.stringMatching(/^[!-~\x80-\xff]{1,40}$/),
      fc.constantFrom(
        ...['%00', '/../../etc/passwd', '/%2e%2e/%2e%2e/package.json', '\\..\\', '//', ';a=b', '%'].map(
          (text) => path + text,
        ),
      ),
      fc.constant(path.replace(/[a-z]/g, (letter) => `%${letter.charCodeAt(0).toString(16)}`)),
    ),
    headers,
    body: fc.oneof(
      fc.constant(''),
      fc.json().map(latin1),
      anyText.map(latin1),
      fc.array(member, { maxLength: 4 }).map((members) => latin1(query(members))),
    ),
    chunked: fc.boolean(),
  })
}

/** @param route such as `GET /livez` */
export function requestsFor(route: string): fc.Arbitrary<GeneratedRequest> {
  const [method = '', path = ''] = route.split(' ')
  return fc.oneof(nearlyGood(method, path), wild(path))
}

/** One character a byte. @param fill puts the real thing in a mark's place */
export function bytesOf(request: GeneratedRequest, fill: (text: string) => string): string {
  const body = fill(request.body)
  const framing =
    body === ''
      ? ''
      : request.chunked
        ? 'Transfer-Encoding: chunked\r\n'
        : `Content-Length: ${body.length}\r\n`
  const lines = request.headers.map(([name, value]) => `${name}: ${fill(value)}\r\n`).join('')
  const host = request.headers.some(([name]) => name === 'Host') ? '' : 'Host: bff.example\r\n'
  const chunks = request.chunked && body !== '' ? `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n` : body
  return `${request.method} ${fill(request.target)} HTTP/1.1\r\n${host}Connection: close\r\n${framing}${lines}\r\n${chunks}`
}
