/** What each fault of a server becomes, over real sockets, whether the call may be repeated, and that nothing outlives the deadline. */

import type { Socket } from 'node:net'
import { test } from 'tap'
import { answer, breakages, hangs, write } from '../support/http-faults.ts'
import { createRsaKeys, privatePem } from '../support/keys.ts'
import { confirm } from '../support/must.ts'
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

test('out of time after the request was sent', { jobs: 8 }, async (t) => {
  for (const [what, fault] of Object.entries(hangs)) {
    t.test(`with ${what}, the call ends at the deadline, and its connection goes`, async (t) => {
      const { server, send } = await setUpTransport(t, { onRequest: fault })
      const { outcome, elapsedMs } = await sendTimed({ send }, AbortSignal.timeout(deadlineMs))
      assertNoAnswer(t, outcome, 'timeout', false)
      assertBetween(t, elapsedMs, deadlineMs, deadlineMs + slackMs)
      t.equal(server.requests.length, 1)
      await closed(server.connections[0])
    })
  }
})

test('a broken answer', async (t) => {
  for (const [what, fault] of Object.entries(breakages)) {
    t.test(`${what} ends the call at once, and the next one has a new connection`, async (t) => {
      const { server, send } = await setUpTransport(t, { onRequest: faultyAt(1, fault) })
      const { outcome, elapsedMs } = await sendTimed({ send }, longDeadline())
      assertNoAnswer(t, outcome, 'broken', false)
      assertBetween(t, elapsedMs, 0, slackMs)
      t.equal(server.requests.length, 1, 'it was sent once')
      t.equal((await send(request, longDeadline())).kind, 'answer')
      t.equal(server.connections.length, 2)
    })
  }
})

test('no connection', { jobs: 8 }, async (t) => {
  t.test('a refused port is unreachable', async (t) => {
    const { outcome, elapsedMs } = await sendTimed(openTransport(t, 'http://127.0.0.1:1'), longDeadline())
    assertNoAnswer(t, outcome, 'unreachable', true)
    assertBetween(t, elapsedMs, 0, slackMs)
  })

  t.test('a name that does not resolve is unreachable', async (t) => {
    assertNoAnswer(
      t,
      await openTransport(t, 'https://nope.invalid').send(request, longDeadline()),
      'unreachable',
      true,
    )
  })

  t.test(
    'a certificate that nobody vouches for is unreachable, and sees nothing of the request',
    async (t) => {
      const keys = createRsaKeys()
      const der = createSelfSignedCertificate(keys).toString('base64')
      const cert = `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`
      const { server, send } = await setUpTransport(t, {
        tls: { key: privatePem(keys), cert },
        onRequest: write(answer()),
      })
      const cause = assertNoAnswer(t, await send(request, longDeadline()), 'unreachable', true)
      confirm(t, cause instanceof Error && 'code' in cause)
      t.equal(cause.code, 'DEPTH_ZERO_SELF_SIGNED_CERT')
      await Promise.all(server.connections.map(closed))
      t.equal(server.receivedBytes(), 0)
    },
  )

  t.test('plain bytes on a TLS port are unreachable', async (t) => {
    const server = await startRawServer(t, {
      onConnection: (socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n'),
    })
    assertNoAnswer(
      t,
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
    t.test(`a TLS port that never answers the handshake ${what}, repeatable`, async (t) => {
      const server = await startRawServer(t, {})
      const transport = openTransport(t, `https://127.0.0.1:${server.port}`)
      const { outcome, elapsedMs } = await sendTimed(transport, AbortSignal.timeout(timeoutMs))
      assertNoAnswer(t, outcome, 'timeout', true)
      assertBetween(t, elapsedMs, leastMs, mostMs)
    })
  }

  t.test('a request that would smuggle a header is not sent', async (t) => {
    const { server, send } = await setUpTransport(t, { onRequest: write(answer()) })
    const headers = { 'x-injected': 'a\r\nb: c' }
    assertNoAnswer(t, await send({ ...request, headers }, longDeadline()), 'unreachable', true)
    t.equal(server.receivedBytes(), 0)
  })
})

test('a kept connection', async (t) => {
  const closing: Record<string, (socket: Socket) => void> = {
    'a FIN': (socket) => socket.end(),
    'a reset': (socket) => socket.resetAndDestroy(),
  }

  for (const [what, fault] of Object.entries(closing)) {
    t.test(
      `that ends with ${what} instead of an answer is broken, and the call may be repeated`,
      async (t) => {
        const { server, send } = await setUpTransport(t, { onRequest: faultyAt(3, fault) })
        for (let call = 1; call < 3; call++) t.equal((await send(request, longDeadline())).kind, 'answer')
        assertNoAnswer(t, await send(request, longDeadline()), 'broken', true)
        t.equal(server.connections.length, 1)
      },
    )
  }

  const late: Record<string, (socket: Socket) => void> = {
    'a FIN after one byte': (socket) => socket.end('H'),
    'a FIN within the body': (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{}'),
    'bytes of another protocol': write('SSH-2.0-OpenSSH_9.6\r\n'),
  }

  for (const [what, fault] of Object.entries(late)) {
    t.test(`that ends with ${what} is broken, and the call may not be repeated`, async (t) => {
      const { server, send } = await setUpTransport(t, { onRequest: faultyAt(2, fault) })
      t.equal((await send(request, longDeadline())).kind, 'answer')
      assertNoAnswer(t, await send(request, longDeadline()), 'broken', false)
      t.equal(server.connections.length, 1)
    })
  }

  t.test('that stays silent until the deadline leaves the call not repeatable', async (t) => {
    const { send } = await setUpTransport(t, { onRequest: faultyAt(2, () => {}) })
    t.equal((await send(request, longDeadline())).kind, 'answer')
    assertNoAnswer(t, await send(request, AbortSignal.timeout(deadlineMs)), 'timeout', false)
  })
})
