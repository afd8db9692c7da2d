/** Answers for the mobile libraries' own parsers: header names, head and body in one write, and the end of the connection. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { capitalised, sendRaw } from '../../src/http/raw-reply.ts'
import { headerNames, read, readOnce } from '../support/one-read.ts'
import { requestBytes } from '../support/raw-http.ts'
import { openRoutes } from '../support/route-server.ts'

/** Longer than one TCP segment, with characters of two, three and four bytes. */
const json = JSON.stringify({ text: `äあ😀"\\${'x'.repeat(3000)}` })

async function setUp(t: TestContext) {
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

test('capitalises the first letter of each part of a header name, and nothing else', () => {
  assert.deepEqual(
    capitalised({ 'content-type': 'a-b', etag: 'c', 'WWW-Authenticate': 'd', 'x-2fa': 'e', 'a--b': 'f' }),
    { 'Content-Type': 'a-b', Etag: 'c', 'WWW-Authenticate': 'd', 'X-2fa': 'e', 'A--B': 'f' },
  )
  assert.deepEqual(capitalised({}), {})
})

test('capitalised keeps values of any kind', () => {
  const cookies = ['a=1', 'b=2']
  assert.equal(capitalised({ 'set-cookie': cookies })['Set-Cookie'], cookies)
})

test('an answer has capitals in every header name: those of the reply, and those given, which win', async (t) => {
  const answer = await readOnce((await setUp(t)).url, {})
  assert.equal(answer.status, 418)
  assert.deepEqual(headerNames(answer).sort(), [
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
  assert.equal(answer.headers.get('content-type'), 'application/json')
  assert.equal(answer.headers.get('x-given'), 'kept')
  assert.equal(answer.headers.get('x-of-the-reply'), 'kept')
})

test('an answer has its length in bytes, and a newline at its end', async (t) => {
  const { headers, body } = await readOnce((await setUp(t)).url, {})
  assert.equal(body, `${json}\n`)
  assert.equal(headers.get('content-length'), String(Buffer.byteLength(body)))
  assert.ok(Buffer.byteLength(body) > body.length)
})

test('head and body leave in one write, and come in one read', async (t) => {
  const { url, writes } = await setUp(t)
  const { firstRead, bytes } = await readOnce(url, {})
  assert.deepEqual(writes, [bytes.toString()])
  assert.deepEqual(firstRead, bytes)
})

test('the connection ends after one answer, even when the client and the reply would keep it', async (t) => {
  const { url } = await setUp(t)
  const twoRequests = requestBytes({ headers: { connection: 'keep-alive' } }).repeat(2)
  const { headers, bytes } = await read(url, twoRequests)
  assert.equal(headers.get('connection'), 'close')
  assert.equal(bytes.toString().split('HTTP/1.1').length - 1, 1)
})

test('the answer to a HEAD has the head of the GET and no body', async (t) => {
  const { url } = await setUp(t)
  const got = await readOnce(url, {})
  const answer = await readOnce(url, { method: 'HEAD' })
  assert.equal(answer.status, got.status)
  assert.deepEqual(headerNames(answer), headerNames(got))
  assert.equal(answer.headers.get('content-length'), got.headers.get('content-length'))
  assert.equal(answer.body, '')
})

test('an answer is logged once, with its status', async (t) => {
  const { url, log } = await setUp(t)
  await readOnce(url, {})
  assert.deepEqual(
    log.entries().map(({ route, status }) => [route, status]),
    [['/', 418]],
  )
})
