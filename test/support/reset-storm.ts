/** Clients that send something and reset the connection a moment later, on every path that bytes take through the service. */
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { type RawRequest, requestBytes } from './raw-http.ts'

const hash = 's'.repeat(43)
const json = { 'content-type': 'application/json' }
const paths = [
  '/livez',
  '/readyz',
  '/nowhere',
  '/metrics',
  '/openapi.json',
  '/docs',
  '/docs/static/index.html',
  `/v1/network-enablement/callback?code=a&state=${hash}`,
  '/v1/network-enablement/callback?error=access_denied&state=a',
  '/v1/network-enablement/callback',
  '/%zz',
]

/** @param good a request that goes all the way through the public listener */
function openings(good: RawRequest): string[] {
  const withHeaders = (headers: RawRequest['headers']) =>
    requestBytes({ ...good, headers: { ...good.headers, ...headers } })
  const whole = withHeaders({})
  const unauthorized = requestBytes({ ...good, headers: json })
  return [
    'CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n',
    `CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n${'x'.repeat(9000)}`,
    'GET /livez HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n',
    'GET /livez HTTP/1.1\r\nHost: a\r\nConnection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n',
    withHeaders({ expect: 'a-miracle' }),
    withHeaders({ expect: '100-continue' }),
    withHeaders({ expect: '100-continue', 'content-length': '1000000000' }),
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'GET /livez\r\n\r\n',
    'FROB / HTTP/1.1\r\nHost: a\r\n\r\n',
    '\u0016\u0003\u0001\u0000\u00c2\u0001\u0000',
    'GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
    'GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n',
    `GET /livez HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(40_000)}\r\n\r\n`,
    'GET /livez HTTP/1.1\r\nHo',
    '',
    whole,
    whole.slice(0, -5),
    whole + whole,
    `${whole}CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n`,
    `${withHeaders({ connection: undefined })}${withHeaders({ expect: 'a-miracle' })}`,
    `${withHeaders({ connection: undefined })}not HTTP\r\n\r\n`,
    withHeaders({ 'transfer-encoding': 'chunked', 'content-length': undefined }).replace(
      /[^\n]*$/,
      'fff\r\nx',
    ),
    withHeaders({ 'transfer-encoding': 'chunked', 'content-length': undefined }).replace(/[^\n]*$/, 'xx\r\n'),
    unauthorized,
    unauthorized.replace('/v1/network-enablement', '/v1/number-verification'),
    requestBytes({ ...good, body: 'x'.repeat(5000) }),
    requestBytes({ ...good, method: 'DELETE' }),
    ...paths.flatMap((target) => ['GET', 'HEAD'].map((method) => requestBytes({ method, target }))),
  ]
}

/** So many clients at a time, each of them gone after 0 to 5 ms. */
const atATime = 50

/** @returns how many connections were made; all of them are gone */
export async function stormWithResets(
  urls: readonly string[],
  connections: number,
  good: RawRequest,
): Promise<number> {
  const all = openings(good).flatMap((bytes) =>
    urls.map((url) => ({ bytes, port: Number(new URL(url).port) })),
  )
  let begun = 0
  let made = 0

  async function resetOne(index: number): Promise<void> {
    const { bytes, port } = all[index % all.length] as (typeof all)[number]
    const delayMs = Math.floor(index / all.length) % 6
    await new Promise<void>((resolve) => {
      const socket = connect(port, '127.0.0.1')
      // Our own resets, and refusals, are the point.
      socket.on('error', () => undefined)
      socket.on('close', () => resolve())
      socket.on('connect', async () => {
        made++
        socket.write(Buffer.from(bytes, 'latin1'))
        if (delayMs > 0) await wait(delayMs)
        socket.resetAndDestroy()
      })
    })
  }

  async function client(): Promise<void> {
    while (begun < connections) await resetOne(begun++)
  }
  await Promise.all(Array.from({ length: atATime }, client))
  return made
}
