/** Answers for the mobile libraries' own parsers: header names, head and body in one write, and the end of the connection. */

import type { Socket } from 'node:net'
import { type Test, test } from 'tap'
import { capitalised, sendRaw } from '../../src/http/raw-reply.ts'
import { headerNames, read, readOnce } from '../support/one-read.ts'
import { requestBytes } from '../support/raw-http.ts'
import { openRoutes } from '../support/route-server.ts'

/** Longer than one TCP segment, with characters of two, three and four bytes. */
const json = JSON.stringify({ text: `äあ😀"\\${'x'.repeat(3000)}` })

async function setUp(t: Test) {
  const writes: string[] = []
  const server = await openRoutes(t, (app) => {
    app.server.on('connection', (socket: Socket) => {
      const { write } = socket
      socket.write = (...parameters: unknown[]) => {
        writes.push(String(parameters[0]))
        return Reflect.apply(write, socket, parameters)
      }
    })
    app.get('/', async (_request, reply) => {
      reply.headers({ 'x-of-the-reply': 'kept', 'content-type': 'text/html', connection: 'keep-alive' })
      return sendRaw(reply, 418, { 'content-type': 'application/json', 'x-given': 'kept' }, json)
    })
  })
  return { ...server, writes }
}

test('capitalises the first letter of each part of a header name, and nothing else', async (t) => {
  t.strictSame(
    capitalised({ 'content-type': 'a-b', etag: 'c', 'WWW-Authenticate': 'd', 'x-2fa': 'e', 'a--b': 'f' }),
    { 'Content-Type': 'a-b', Etag: 'c', 'WWW-Authenticate': 'd', 'X-2fa': 'e', 'A--B': 'f' },
  )
  t.strictSame(capitalised({}), {})
})

test('capitalised keeps values of any kind', async (t) => {
  const cookies = ['a=1', 'b=2']
  t.equal(capitalised({ 'set-cookie': cookies })['Set-Cookie'], cookies)
})

test('an answer has capitals in every header name: those of the reply, and those given, which win', async (t) => {
  const answer = await readOnce(t, (await setUp(t)).url, {})
  t.equal(answer.status, 418)
  t.strictSame(headerNames(answer).sort(), [
    'Cache-Control',
    'Connection',
    'Content-Length',
    'Content-Type',
    'Date',
    'X-Content-Type-Options',
    'X-Given',
    'X-Of-The-Reply',
    'X-Request-Id',
  ])
  t.equal(answer.headers.get('content-type'), 'application/json')
  t.equal(answer.headers.get('x-given'), 'kept')
  t.equal(answer.headers.get('x-of-the-reply'), 'kept')
})

test('an answer has its length in bytes, and a newline at its end', async (t) => {
  const { headers, body } = await readOnce(t, (await setUp(t)).url, {})
  t.equal(body, `${json}\n`)
  t.equal(headers.get('content-length'), String(Buffer.byteLength(body)))
  t.ok(Buffer.byteLength(body) > body.length)
})

test('head and body leave in one write, and come in one read', async (t) => {
  const { url, writes } = await setUp(t)
  const { firstRead, bytes } = await readOnce(t, url, {})
  t.strictSame(writes, [bytes.toString()])
  t.strictSame(firstRead, bytes)
})

test('the connection ends after one answer, even when the client and the reply would keep it', async (t) => {
  const { url } = await setUp(t)
  const twoRequests = requestBytes({ headers: { connection: 'keep-alive' } }).repeat(2)
  const { headers, bytes } = await read(t, url, twoRequests)
  t.equal(headers.get('connection'), 'close')
  t.equal(bytes.toString().split('HTTP/1.1').length - 1, 1)
})

test('the answer to a HEAD has the head of the GET and no body', async (t) => {
  const { url } = await setUp(t)
  const got = await readOnce(t, url, {})
  const answer = await readOnce(t, url, { method: 'HEAD' })
  t.equal(answer.status, got.status)
  t.strictSame(headerNames(answer), headerNames(got))
  t.equal(answer.headers.get('content-length'), got.headers.get('content-length'))
  t.equal(answer.body, '')
})

test('an answer is logged once, with its status', async (t) => {
  const { url, log } = await setUp(t)
  await readOnce(t, url, {})
  t.strictSame(
    log.entries().map(({ route, status }) => [route, status]),
    [['/', 418]],
  )
})
