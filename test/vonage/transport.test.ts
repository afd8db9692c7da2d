/**
 * The transport over real sockets: what it writes and reads, how it uses connections, and how a caller gives up.
 * What each fault of a server becomes: transport-faults.test.ts.
 */

import { getEventListeners } from 'node:events'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import { test } from 'tap'
import { answer, capBytes, head, write } from '../support/http-faults.ts'
import { confirm } from '../support/must.ts'
import { closed, startRawServer } from '../support/raw-server.ts'
import {
  assertBetween,
  assertNoAnswer,
  deadlineMs,
  faultyAt,
  longDeadline,
  request,
  sendTimed,
  setUpTransport,
  slackMs,
} from '../support/raw-transport.ts'

test('a request and its answer', async (t) => {
  t.test(
    'the bytes of a request are the given ones and nothing that the caller did not ask for',
    async (t) => {
      const { server, send } = await setUpTransport(t, { onRequest: write(answer()) })
      await send(request, longDeadline())
      const [lines, body] = server.requests[0]?.split('\r\n\r\n') ?? []
      t.equal(lines?.split('\r\n')[0], 'POST /v0.1/some-call?q=1 HTTP/1.1')
      t.strictSame(lines?.split('\r\n').slice(1).sort(), [
        'accept-encoding: identity',
        'accept: application/json',
        'authorization: Bearer a-jwt',
        'connection: keep-alive',
        'content-length: 10',
        'content-type: application/json',
        `host: 127.0.0.1:${server.port}`,
      ])
      t.equal(Buffer.from(body ?? '', 'latin1').toString(), request.body)
    },
  )

  for (const basePath of ['', '/', '/base', '/base/', '/base/v1/']) {
    t.test(`a base path of "${basePath}" comes before the path of the request`, async (t) => {
      const { server, send } = await setUpTransport(t, { onRequest: write(answer()), basePath })
      await send(request, longDeadline())
      const path = `${basePath.replace(/\/$/, '')}/v0.1/some-call?q=1`
      t.ok(server.requests[0]?.startsWith(`POST ${path} HTTP/1.1\r\n`))
    })
  }

  for (const status of [200, 201, 204, 400, 401, 403, 422, 429, 500, 503, 599]) {
    t.test(`status ${status} is an answer, with its headers`, async (t) => {
      const text = `HTTP/1.1 ${status} Any\r\nContent-Length: 0\r\nRetry-After: 7\r\n\r\n`
      const { send } = await setUpTransport(t, { onRequest: write(text) })
      const outcome = await send(request, longDeadline())
      confirm(t, outcome.kind === 'answer')
      t.strictSame([outcome.status, outcome.headers['retry-after'], outcome.text], [status, '7', ''])
    })
  }

  t.test('a redirect is an answer and is not followed', async (t) => {
    const elsewhere = await startRawServer(t, { onRequest: write(answer()) })
    const text = `HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:${elsewhere.port}/\r\ncontent-length: 0\r\n\r\n`
    const { server, send } = await setUpTransport(t, { onRequest: write(text) })
    const outcome = await send(request, longDeadline())
    t.equal(outcome.kind === 'answer' && outcome.status, 307)
    t.equal(server.requests.length, 1)
    t.equal(elsewhere.connections.length, 0)
  })

  t.test('an answer after a 103 is the last one, with its own headers', async (t) => {
    const early = 'HTTP/1.1 103 Early Hints\r\nretry-after: 9\r\n\r\n'
    const { send } = await setUpTransport(t, { onRequest: write(early + answer('{"a":1}')) })
    const outcome = await send(request, longDeadline())
    confirm(t, outcome.kind === 'answer')
    t.strictSame([outcome.status, outcome.headers['retry-after'], outcome.text], [200, undefined, '{"a":1}'])
  })

  t.test('a body that comes in pieces is read as one UTF-8 text', async (t) => {
    const body = Buffer.from('{"name":"é😀"}')
    const onRequest = async (socket: Socket) => {
      socket.setNoDelay().write(head('transfer-encoding: chunked'))
      for (const byte of body)
        socket.write(Buffer.concat([Buffer.from('1\r\n'), Buffer.of(byte), Buffer.from('\r\n')]))
      socket.write('0\r\n\r\n')
    }
    const { send } = await setUpTransport(t, { onRequest })
    const outcome = await send(request, longDeadline())
    t.equal(outcome.kind === 'answer' && outcome.text, body.toString())
  })

  t.test('a compressed body is not decompressed', async (t) => {
    const body = gzipSync('{"a":1}')
    const lines = head(`content-length: ${body.length}`, 'content-encoding: gzip')
    const { send } = await setUpTransport(t, {
      onRequest: (socket) => void socket.write(Buffer.concat([Buffer.from(lines), body])),
    })
    const outcome = await send(request, longDeadline())
    t.equal(outcome.kind === 'answer' && outcome.text, body.toString())
  })

  for (const [what, text] of Object.entries({
    'by its length': answer(' '.repeat(capBytes)),
    chunked: `${head('transfer-encoding: chunked')}10000\r\n${' '.repeat(capBytes)}\r\n0\r\n\r\n`,
  })) {
    t.test(`a body of exactly 64 KiB ${what} is an answer`, async (t) => {
      const { send } = await setUpTransport(t, { onRequest: write(text) })
      const outcome = await send(request, longDeadline())
      t.equal(outcome.kind === 'answer' && outcome.text.length, capBytes)
    })
  }
})

test('connections', async (t) => {
  t.test('calls one after the other are sent over kept-alive connections', async (t) => {
    const { server, send } = await setUpTransport(t, { onRequest: write(answer()), connections: 8 })
    for (let call = 0; call < 20; call++) t.equal((await send(request, longDeadline())).kind, 'answer')
    t.ok(server.connections.length <= 2, 'undici may open a second one')
    t.equal(server.requests.length, 20)
  })

  t.test('a connection that the server closed while it was idle costs the next call nothing', async (t) => {
    const { server, send } = await setUpTransport(t, {
      onRequest: faultyAt(1, (socket) => socket.end(answer())),
    })
    t.equal((await send(request, longDeadline())).kind, 'answer')
    await closed(server.connections[0])
    t.equal((await send(request, longDeadline())).kind, 'answer')
    t.equal(server.requests.length, 2)
  })

  t.test('as many calls are in flight as there are connections, and the rest come after', async (t) => {
    const waiting: Socket[] = []
    const onRequest = (socket: Socket) => {
      if (waiting.push(socket) === 3) for (const ready of waiting.splice(0)) write(answer())(ready)
    }
    const { server, send } = await setUpTransport(t, { onRequest, connections: 3 })
    const outcomes = await Promise.all(Array.from({ length: 30 }, () => send(request, longDeadline())))
    t.ok(outcomes.every(({ kind }) => kind === 'answer'))
    t.equal(server.requests.length, 30)
    t.equal(server.connections.length, 3)
  })

  t.test('no listener stays on a signal that outlives its calls', async (t) => {
    const { signal } = new AbortController()
    const { send } = await setUpTransport(t, { onRequest: faultyAt(1, (socket) => socket.resetAndDestroy()) })
    t.equal((await send(request, signal)).kind, 'broken')
    t.equal((await send(request, signal)).kind, 'answer')
    t.equal(getEventListeners(signal, 'abort').length, 0)
  })
})

test('giving up', async (t) => {
  const reason = new Error('the caller gave up')

  t.test('a call whose signal is aborted already opens no connection', async (t) => {
    const { server, send } = await setUpTransport(t, { onRequest: write(answer()) })
    const outcome = await send(request, AbortSignal.abort(reason))
    t.equal(assertNoAnswer(t, outcome, 'cancelled', true), reason)
    t.equal(server.connections.length, 0)
    t.equal((await send(request, longDeadline())).kind, 'answer')
    t.equal(server.requests.length, 1)
  })

  t.test(
    'a call given up while it waits for a connection is never sent, and the others do not notice',
    async (t) => {
      const arrived = Promise.withResolvers<Socket>()
      const { server, send } = await setUpTransport(t, { onRequest: faultyAt(1, arrived.resolve) })
      const controller = new AbortController()
      const busy = send(request, longDeadline())
      const waiting = send({ ...request, path: '/given-up' }, controller.signal)
      const later = send(request, longDeadline())
      const socket = await arrived.promise
      controller.abort(reason)
      t.equal(assertNoAnswer(t, await waiting, 'cancelled', true), reason)
      socket.write(answer())
      t.strictSame([(await busy).kind, (await later).kind], ['answer', 'answer'])
      t.equal(server.requests.length, 2)
      t.ok(server.requests.every((text) => !text.includes('/given-up')))
    },
  )

  t.test('a call whose deadline passes while it waits for a connection ends then, repeatable', async (t) => {
    const { server, send } = await setUpTransport(t, { onRequest: () => {} })
    void send(request, longDeadline())
    const { outcome, elapsedMs } = await sendTimed({ send }, AbortSignal.timeout(deadlineMs))
    assertNoAnswer(t, outcome, 'timeout', true)
    assertBetween(t, elapsedMs, deadlineMs, deadlineMs + slackMs)
    t.equal(server.requests.length, 1)
  })

  t.test('a call given up in flight is not repeatable and loses its connection', async (t) => {
    const arrived = Promise.withResolvers<Socket>()
    const { send } = await setUpTransport(t, { onRequest: faultyAt(1, arrived.resolve) })
    const controller = new AbortController()
    const sent = send(request, controller.signal)
    const socket = await arrived.promise
    controller.abort(reason)
    t.equal(assertNoAnswer(t, await sent, 'cancelled', false), reason)
    await closed(socket)
    t.equal((await send(request, longDeadline())).kind, 'answer')
  })

  t.test('giving up after the answer changes nothing', async (t) => {
    const { server, send } = await setUpTransport(t, { onRequest: write(answer()) })
    const controller = new AbortController()
    t.equal((await send(request, controller.signal)).kind, 'answer')
    controller.abort(reason)
    t.equal((await send(request, longDeadline())).kind, 'answer')
    t.equal(server.connections.length, 1)
  })

  t.test('close waits for the call under way, and a new one is unreachable', async (t) => {
    const arrived = Promise.withResolvers<Socket>()
    const { send, close } = await setUpTransport(t, { onRequest: arrived.resolve })
    const underWay = send(request, longDeadline())
    const socket = await arrived.promise
    const closing = close()
    assertNoAnswer(t, await send(request, longDeadline()), 'unreachable', true)
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}')
    t.equal((await underWay).kind, 'answer')
    await closing
    await closed(socket)
  })
})
