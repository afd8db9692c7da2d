/** What each fault of a server becomes, over real sockets, whether the call may be repeated, and that nothing outlives the deadline. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { describe, test } from 'node:test'
import { answer, breakages, hangs, write } from '../support/http-faults.ts'
import { createRsaKeys, privatePem } from '../support/keys.ts'
import { closed, startRawServer } from '../support/raw-server.ts'
import {
  assertBetween,
  assertNoAnswer,
  deadlineMs,
  faultyAt,
  longDeadline,
  openTransport,
  request,
  sendTimed,
  setUpTransport,
  slackMs,
} from '../support/raw-transport.ts'
import { createSelfSignedCertificate } from '../support/self-signed-certificate.ts'

describe('out of time after the request was sent', { concurrency: true }, () => {
  for (const [what, fault] of Object.entries(hangs)) {
    test(`with ${what}, the call ends at the deadline, and its connection goes`, async (t) => {
      const { server, send } = await setUpTransport(t, { onRequest: fault })
      const { outcome, elapsedMs } = await sendTimed({ send }, AbortSignal.timeout(deadlineMs))
      assertNoAnswer(outcome, 'timeout', false)
      assertBetween(elapsedMs, deadlineMs, deadlineMs + slackMs)
      assert.equal(server.requests.length, 1)
      await closed(server.connections[0])
    })
  }
})

describe('a broken answer', () => {
  for (const [what, fault] of Object.entries(breakages)) {
    test(`${what} ends the call at once, and the next one has a new connection`, async (t) => {
      const { server, send } = await setUpTransport(t, { onRequest: faultyAt(1, fault) })
      const { outcome, elapsedMs } = await sendTimed({ send }, longDeadline())
      assertNoAnswer(outcome, 'broken', false)
      assertBetween(elapsedMs, 0, slackMs)
      assert.equal(server.requests.length, 1, 'it was sent once')
      assert.equal((await send(request, longDeadline())).kind, 'answer')
      assert.equal(server.connections.length, 2)
    })
  }
})

describe('no connection', { concurrency: true }, () => {
  test('a refused port is unreachable', async (t) => {
    const { outcome, elapsedMs } = await sendTimed(openTransport(t, 'http://127.0.0.1:1'), longDeadline())
    assertNoAnswer(outcome, 'unreachable', true)
    assertBetween(elapsedMs, 0, slackMs)
  })

  test('a name that does not resolve is unreachable', async (t) => {
    assertNoAnswer(
      await openTransport(t, 'https://nope.invalid').send(request, longDeadline()),
      'unreachable',
      true,
    )
  })

  test('a certificate that nobody vouches for is unreachable, and sees nothing of the request', async (t) => {
    const keys = createRsaKeys()
    const der = createSelfSignedCertificate(keys).toString('base64')
    const cert = `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`
    const { server, send } = await setUpTransport(t, {
      tls: { key: privatePem(keys), cert },
      onRequest: write(answer()),
    })
    const cause = assertNoAnswer(await send(request, longDeadline()), 'unreachable', true)
    assert.ok(cause instanceof Error && 'code' in cause)
    assert.equal(cause.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
    await Promise.all(server.connections.map(closed))
    assert.equal(server.receivedBytes(), 0)
  })

  test('plain bytes on a TLS port are unreachable', async (t) => {
    const server = await startRawServer(t, {
      onConnection: (socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n'),
    })
    assertNoAnswer(
      await openTransport(t, `https://127.0.0.1:${server.port}`).send(request, longDeadline()),
      'unreachable',
      true,
    )
  })

  const silences: [string, number, number, number][] = [
    ['ends at the deadline', deadlineMs, deadlineMs, deadlineMs + slackMs],
    ['ends after 2 seconds, well before a later deadline', 30_000, 1900, 3200 + slackMs],
  ]
  for (const [what, timeoutMs, leastMs, mostMs] of silences) {
    test(`a TLS port that never answers the handshake ${what}, repeatable`, async (t) => {
      const server = await startRawServer(t, {})
      const transport = openTransport(t, `https://127.0.0.1:${server.port}`)
      const { outcome, elapsedMs } = await sendTimed(transport, AbortSignal.timeout(timeoutMs))
      assertNoAnswer(outcome, 'timeout', true)
      assertBetween(elapsedMs, leastMs, mostMs)
    })
  }

  test('a request that would smuggle a header is not sent', async (t) => {
    const { server, send } = await setUpTransport(t, { onRequest: write(answer()) })
    const headers = { 'x-injected': 'a\r\nb: c' }
    assertNoAnswer(await send({ ...request, headers }, longDeadline()), 'unreachable', true)
    assert.equal(server.receivedBytes(), 0)
  })
})

describe('a kept connection', () => {
  const closing: Record<string, (socket: Socket) => void> = {
    'a FIN': (socket) => socket.end(),
    'a reset': (socket) => socket.resetAndDestroy(),
  }

  for (const [what, fault] of Object.entries(closing)) {
    test(`that ends with ${what} instead of an answer is broken, and the call may be repeated`, async (t) => {
      const { server, send } = await setUpTransport(t, { onRequest: faultyAt(3, fault) })
      for (let call = 1; call < 3; call++) assert.equal((await send(request, longDeadline())).kind, 'answer')
      assertNoAnswer(await send(request, longDeadline()), 'broken', true)
      assert.equal(server.connections.length, 1)
    })
  }

  const late: Record<string, (socket: Socket) => void> = {
    'a FIN after one byte': (socket) => socket.end('H'),
    'a FIN within the body': (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}'),
    'bytes of another protocol': write('SSH-2.0-OpenSSH_9.6\r\n'),
  }

  for (const [what, fault] of Object.entries(late)) {
    test(`that ends with ${what} is broken, and the call may not be repeated`, async (t) => {
      const { server, send } = await setUpTransport(t, { onRequest: faultyAt(2, fault) })
      assert.equal((await send(request, longDeadline())).kind, 'answer')
      assertNoAnswer(await send(request, longDeadline()), 'broken', false)
      assert.equal(server.connections.length, 1)
    })
  }

  test('that stays silent until the deadline leaves the call not repeatable', async (t) => {
    const { send } = await setUpTransport(t, { onRequest: faultyAt(2, () => {}) })
    assert.equal((await send(request, longDeadline())).kind, 'answer')
    assertNoAnswer(await send(request, AbortSignal.timeout(deadlineMs)), 'timeout', false)
  })
})
