/** When nobody waits for an answer any more: real connections that close at every moment of a request. */

import { once } from 'node:events'
import { type AddressInfo, connect, type Socket } from 'node:net'
import fastify, { type FastifyReply } from 'fastify'
import { type Test, test } from 'tap'
import { workFor } from '../../src/http/work.ts'

const body = '{"a":1}'
const requestText = `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`

/** A server with one route, and a client that has sent one request to it. */
async function setUp(t: Test, handler: (reply: FastifyReply) => Promise<unknown>): Promise<Socket> {
  const app = fastify()
  app.post('/', (_request, reply) => handler(reply))
  await app.listen({ host: '127.0.0.1', port: 0 })
  const client = connect((app.server.address() as AddressInfo).port, '127.0.0.1')
  client.on('error', () => {})
  t.teardown(() => {
    client.destroy()
    return app.close()
  })
  client.write(requestText)
  return client
}

/** Rejects when it does not abort: the runner's own time limit would tell less. */
async function aborts(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort', { signal: AbortSignal.timeout(2000) })
}

for (const [what, leave] of [
  ['closes', (client: Socket) => client.destroy()],
  ['resets', (client: Socket) => client.resetAndDestroy()],
] as const) {
  test(`a client that ${what} its connection while it waits is gone`, async (t) => {
    const called = Promise.withResolvers<AbortSignal>()
    const client = await setUp(t, async (reply) => {
      called.resolve(workFor(reply).signal)
      return new Promise(() => {})
    })
    const signal = await called.promise
    t.equal(signal.aborted, false, 'not when the body has been read')
    leave(client)
    await aborts(signal)
  })
}

test('a client that left before anybody asked is gone', async (t) => {
  const entered = Promise.withResolvers<void>()
  const called = Promise.withResolvers<AbortSignal>()
  const client = await setUp(t, async (reply) => {
    entered.resolve()
    await once(reply.raw, 'close')
    called.resolve(workFor(reply).signal)
  })
  await entered.promise
  client.destroy()
  t.equal((await called.promise).aborted, true)
})

test('a client that got its answer is not gone, even when it closes then', async (t) => {
  const signals: AbortSignal[] = []
  const closed = Promise.withResolvers<void>()
  const client = await setUp(t, async (reply) => {
    signals.push(workFor(reply).signal)
    reply.raw.once('close', () => closed.resolve())
    return 'answer'
  })
  await once(client, 'data')
  client.destroy()
  await closed.promise
  t.equal(signals[0]?.aborted, false)
})

test('a kept connection makes each request wait for itself alone', async (t) => {
  const signals: AbortSignal[] = []
  const second = Promise.withResolvers<AbortSignal>()
  const client = await setUp(t, async (reply) => {
    const signal = workFor(reply).signal
    if (signals.push(signal) === 1) return 'answer'
    second.resolve(signal)
    return new Promise(() => {})
  })
  await once(client, 'data')
  client.write(requestText)
  const signal = await second.promise
  client.destroy()
  await aborts(signal)
  t.equal(signals[0]?.aborted, false)
})

test('a client that closes its sending side alone still waits, and gets its answer', async (t) => {
  const called = Promise.withResolvers<AbortSignal>()
  const answer = Promise.withResolvers<string>()
  const client = await setUp(t, async (reply) => {
    called.resolve(workFor(reply).signal)
    return answer.promise
  })
  const signal = await called.promise
  client.end()
  await new Promise((resolve) => setImmediate(resolve))
  answer.resolve('answer')
  const [data] = await once(client, 'data')
  t.match(String(data), /^HTTP\/1\.1 200 /)
  t.equal(signal.aborted, false)
})

test('an answer that breaks off because the client closes is not complete', async (t) => {
  const called = Promise.withResolvers<AbortSignal>()
  const client = await setUp(t, async (reply) => {
    called.resolve(workFor(reply).signal)
    return reply.send(new ReadableStream({ pull: (stream) => stream.enqueue(Buffer.alloc(64 * 1024)) }))
  })
  await once(client, 'data')
  client.destroy()
  await t.resolves(aborts(await called.promise))
})
