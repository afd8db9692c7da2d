/**
 * The transport against servers that misbehave, over real sockets: what each fault becomes, whether the request counts as
 * sent, and that nothing outlives the deadline.
 */
import assert from 'node:assert/strict'
import { getEventListeners } from 'node:events'
import type { Socket } from 'node:net'
import { describe, type TestContext, test } from 'node:test'
import { createTransport, type NoAnswer, type Request, type Transport } from '../../src/vonage/transport.ts'
import { createRsaKeys } from '../support/keys.ts'
import {
  closed,
  drip,
  flood,
  type RawServer,
  type RawServerOptions,
  startRawServer,
} from '../support/raw-server.ts'
import { createSelfSignedCertificate } from '../support/self-signed-certificate.ts'

const request: Request = {
  method: 'POST',
  path: '/v0.1/some-call?q=1',
  headers: { authorization: 'Bearer a-jwt', 'content-type': 'application/json' },
  body: '{"a":"é"}',
}
const deadlineMs = 120
/** What a busy test machine may add. */
const slackMs = 1000
const capBytes = 64 * 1024

type Outcome = Awaited<ReturnType<Transport['send']>>

function open(t: TestContext, url: string, connections = 1): Transport {
  const transport = createTransport({ url, connections })
  t.after(() => transport.close())
  return transport
}

async function setUp(t: TestContext, options: RawServerOptions, connections?: number) {
  const server = await startRawServer(t, options)
  const scheme = options.tls ? 'https' : 'http'
  return { server, ...open(t, `${scheme}://127.0.0.1:${server.port}`, connections) }
}

async function sendTimed(transport: Pick<Transport, 'send'>, signal: AbortSignal) {
  const startedMs = performance.now()
  const outcome = await transport.send(request, signal)
  return { outcome, elapsedMs: performance.now() - startedMs }
}

function assertNoAnswer(outcome: Outcome, kind: NoAnswer['kind'], sent: boolean): void {
  assert.equal(outcome.kind, kind)
  assert.ok('sent' in outcome)
  assert.equal(outcome.sent, sent)
  assert.ok(outcome.cause instanceof Error || outcome.cause instanceof DOMException)
}

const respond = (text: string) => (socket: Socket) => void socket.write(text)
const answer = (body = '{}', more = '') =>
  `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n${more}\r\n${body}`
const head = (...lines: string[]) => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n')

describe('out of time after the request was sent', () => {
  const faults: Record<string, (socket: Socket) => void> = {
    'no answer': () => {},
    'half a status line': respond('HTTP/1.1 20'),
    'half a head': respond('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n'),
    'a drip of header bytes': (socket) => {
      socket.write('HTTP/1.1 200 OK\r\nx-drip: ')
      drip(socket, 'a')
    },
    'a flood of 103 answers': (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'),
    'a head without its body': respond(head('content-length: 2')),
    'a body that stops': respond(`${head('content-length: 1000')}{"a":`),
    'a chunked body without its end': respond(`${head('transfer-encoding: chunked')}2\r\n{}\r\n`),
    'a drip of body bytes': (socket) => {
      socket.write(head('content-length: 60000'))
      drip(socket, ' ')
    },
    'a drip of chunks': (socket) => {
      socket.write(head('transfer-encoding: chunked'))
      drip(socket, '1\r\n \r\n')
    },
    'a body that ends with the connection, which stays': respond(`${head('connection: close')}{}`),
  }

  for (const [what, fault] of Object.entries(faults)) {
    test(`${what} ends at the deadline, and the connection goes`, async (t) => {
      const { server, send } = await setUp(t, { onRequest: fault })
      const { outcome, elapsedMs } = await sendTimed({ send }, AbortSignal.timeout(deadlineMs))
      assertNoAnswer(outcome, 'timeout', true)
      assert.ok(elapsedMs >= deadlineMs - 5 && elapsedMs <= deadlineMs + slackMs, `${elapsedMs} ms`)
      assert.equal(server.requests.length, 1)
      assert.ok(server.connections[0])
      await closed(server.connections[0])
    })
  }
})

describe('a broken answer', () => {
  const faults: Record<string, (socket: Socket) => void> = {
    'a reset before the answer': (socket) => socket.resetAndDestroy(),
    'a FIN before the answer': (socket) => socket.end(),
    'a FIN within the head': (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-le'),
    'a FIN within the body': (socket) => socket.end(`${head('content-length: 10')}{}`),
    'a FIN within a chunked body': (socket) => socket.end(`${head('transfer-encoding: chunked')}5\r\n{`),
    'a reset within the body': (socket) =>
      void socket.write(`${head('content-length: 10')}{}`, () =>
        setImmediate(() => socket.resetAndDestroy()),
      ),
    'a giant body by its length': (socket) => {
      socket.write(head(`content-length: ${1e9}`))
      flood(socket, Buffer.alloc(capBytes, ' '), 1e9 / capBytes)
    },
    'a giant chunked body': (socket) => {
      socket.write(head('transfer-encoding: chunked'))
      flood(socket, Buffer.from(`1000\r\n${' '.repeat(4096)}\r\n`), 1e9 / 4096)
    },
    'one byte over 64 KiB by its length': respond(answer(' '.repeat(capBytes + 1))),
    'one byte over 64 KiB chunked': respond(
      `${head('transfer-encoding: chunked')}10001\r\n${' '.repeat(capBytes + 1)}\r\n0\r\n\r\n`,
    ),
    'a header of 20 KiB': respond(answer('{}', `x-large: ${'a'.repeat(20 * 1024)}\r\n`)),
    '20 KiB of small headers': respond(answer('{}', 'x-small: aaaaaaaaaaaaa\r\n'.repeat(1024))),
    'bytes of another protocol': respond('SSH-2.0-OpenSSH_9.6\r\n'),
    'HTTP/0.9': (socket) => socket.end('<html></html>'),
    'bytes of HTTP/2': (socket) => void socket.write(Buffer.from('000000040000000000', 'hex')),
    'a header without a colon': respond('HTTP/1.1 200 OK\r\nnonsense\r\n\r\n'),
    'a length that is none': respond(head('content-length: two')),
    'both a length and chunks': respond(
      `${head('content-length: 2', 'transfer-encoding: chunked')}2\r\n{}\r\n0\r\n\r\n`,
    ),
    'two different lengths': respond(`${head('content-length: 2', 'content-length: 3')}{}`),
    'a chunk size that is none': respond(`${head('transfer-encoding: chunked')}zz\r\n{}\r\n`),
    'an upgrade that nobody asked for': respond(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n',
    ),
    'a 100 that nobody asked for': respond(`HTTP/1.1 100 Continue\r\n\r\n${answer()}`),
  }

  for (const [what, fault] of Object.entries(faults)) {
    test(`${what} is broken, at once, and the next call has a new connection`, async (t) => {
      let calls = 0
      const onRequest = (socket: Socket) => (calls++ === 0 ? fault(socket) : void socket.write(answer()))
      const { server, send } = await setUp(t, { onRequest })
      const { outcome, elapsedMs } = await sendTimed({ send }, AbortSignal.timeout(5000))
      assertNoAnswer(outcome, 'broken', true)
      assert.ok(elapsedMs <= slackMs, `${elapsedMs} ms`)
      assert.equal((await send(request, AbortSignal.timeout(5000))).kind, 'answer')
      assert.equal(server.connections.length, 2)
      assert.equal(server.requests.length, 2, 'each call was sent once')
    })
  }
})

describe('no connection', { concurrency: true }, () => {
  async function closedPort(t: TestContext): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<RawServer>()
    await t.test('(a port that was free a moment ago)', async (inner) =>
      resolve(await startRawServer(inner, {})),
    )
    return (await promise).port
  }

  test('a refused port is unreachable', async (t) => {
    const transport = open(t, `http://127.0.0.1:${await closedPort(t)}`)
    const { outcome, elapsedMs } = await sendTimed(transport, AbortSignal.timeout(5000))
    assertNoAnswer(outcome, 'unreachable', false)
    assert.ok(elapsedMs <= slackMs, `${elapsedMs} ms`)
  })

  test('a name that does not resolve is unreachable', async (t) => {
    const { outcome } = await sendTimed(open(t, 'https://nope.invalid'), AbortSignal.timeout(5000))
    assertNoAnswer(outcome, 'unreachable', false)
  })

  test('a certificate that nobody trusts is unreachable, and sees nothing of the request', async (t) => {
    const keys = createRsaKeys()
    const der = createSelfSignedCertificate(keys).toString('base64')
    const cert = `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`
    const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' })
    const { server, send } = await setUp(t, { tls: { key, cert } })
    const outcome = await send(request, AbortSignal.timeout(5000))
    assertNoAnswer(outcome, 'unreachable', false)
    assert.ok('cause' in outcome && outcome.cause instanceof Error && 'code' in outcome.cause)
    assert.equal(outcome.cause.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
    await Promise.all(server.connections.map(closed))
    for (const socket of server.connections) assert.equal(socket.bytesRead, 0)
  })

  test('plain bytes on a TLS port are unreachable', async (t) => {
    const server = await startRawServer(t, {
      onConnection: (socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n'),
    })
    const outcome = await open(t, `https://127.0.0.1:${server.port}`).send(request, AbortSignal.timeout(5000))
    assertNoAnswer(outcome, 'unreachable', false)
    assert.equal(server.requests.length, 0)
  })

  test('a TLS port that never answers the handshake ends at the deadline, unsent', async (t) => {
    const server = await startRawServer(t, {})
    const transport = open(t, `https://127.0.0.1:${server.port}`)
    const { outcome, elapsedMs } = await sendTimed(transport, AbortSignal.timeout(deadlineMs))
    assertNoAnswer(outcome, 'timeout', false)
    assert.ok(elapsedMs >= deadlineMs - 5 && elapsedMs <= deadlineMs + slackMs, `${elapsedMs} ms`)
  })

  test('a TLS port that never answers the handshake ends well before a later deadline, unsent', async (t) => {
    const server = await startRawServer(t, {})
    const transport = open(t, `https://127.0.0.1:${server.port}`)
    const { outcome, elapsedMs } = await sendTimed(transport, AbortSignal.timeout(30_000))
    assertNoAnswer(outcome, 'timeout', false)
    assert.ok(elapsedMs >= 1900 && elapsedMs <= 3500 + slackMs, `${elapsedMs} ms`)
  })

  test('a request that cannot be written is not sent', async (t) => {
    const { server, send } = await setUp(t, { onRequest: respond(answer()) })
    const headers = { 'x-injected': 'a\r\nb: c' }
    assertNoAnswer(await send({ ...request, headers }, AbortSignal.timeout(5000)), 'unreachable', false)
    assert.equal(server.requests.length, 0)
  })

  test('after close, a call in flight is broken and a new one is unreachable', async (t) => {
    const arrived = Promise.withResolvers<void>()
    const { send, close } = await setUp(t, { onRequest: () => arrived.resolve() })
    const inFlight = send(request, AbortSignal.timeout(5000))
    await arrived.promise
    await close()
    assertNoAnswer(await inFlight, 'broken', true)
    assertNoAnswer(await send(request, AbortSignal.timeout(5000)), 'unreachable', false)
  })
})

test('no listener stays on a signal that outlives its calls', async (t) => {
  const { signal } = new AbortController()
  let calls = 0
  const onRequest = (socket: Socket) =>
    calls++ === 0 ? void socket.write(answer()) : socket.resetAndDestroy()
  const { send } = await setUp(t, { onRequest })
  assert.equal((await send(request, signal)).kind, 'answer')
  assert.equal((await send(request, signal)).kind, 'broken')
  assert.equal(getEventListeners(signal, 'abort').length, 0)
})
