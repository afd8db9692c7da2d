/**
 * Thousands of starts that are all under way together while Vonage hangs. Their connections are opened before, and times are
 * the service's own: `duration_ms` in its log, from the request's head to the end of the answer. (When thousands come in the
 * same instant, what that measures is how long the processor needs for all of them.)
 */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import { start as startOne } from './app-client.ts'
import type { Act } from './fault-server.ts'
import { requestBytes } from './raw-http.ts'
import { openProof, percentile, serverSideMs } from './upstream-proofs.ts'

/** So many at once are well below the backlog of a listener. */
const connectAtOnce = 200
const waveMs = 20

async function openConnections(url: string, count: number): Promise<Socket[]> {
  const { hostname, port } = new URL(url)
  const sockets: Socket[] = []
  while (sockets.length < count) {
    const some = Array.from({ length: Math.min(connectAtOnce, count - sockets.length) }, () =>
      connect(Number(port), hostname).setNoDelay(),
    )
    await Promise.all(some.map((socket) => once(socket, 'connect')))
    sockets.push(...some)
  }
  return sockets
}

/** @returns the status and the code of the answer */
async function answerOf(socket: Socket): Promise<{ status: number; code: string; retryAfter: string }> {
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
  })
  await once(socket, 'close')
  return {
    status: Number(text.slice(9, 12)),
    code: /"code":"(\w+)"/.exec(text)?.[1] ?? '',
    retryAfter: /\r\nretry-after: (\d+)\r\n/i.exec(text)?.[1] ?? '',
  }
}

export interface FloodProof {
  parallel: number
  perSecond: number
  /** How long they keep coming; 0: all in one instant. Below the deadline of 5 s, so that all are parallel. */
  overMs: number
  /** What may be in flight at Vonage. */
  maxInFlight: number
}

export async function proveFlood(t: Test, proof: FloodProof) {
  const { parallel, overMs, perSecond, maxInFlight } = proof
  let inFlight = 0
  let most = 0
  const hang: Act = (socket) => {
    most = Math.max(most, ++inFlight)
    socket.once('close', () => inFlight--)
  }
  const { services, idp, server, url } = await openProof(
    t,
    { VONAGE_REQUESTS_PER_SECOND: String(perSecond) },
    { start: hang },
  )
  // One token: the time to check thousands of signatures is not what is measured.
  const token = idp.tokenOf('crowd')
  const start = requestBytes({
    method: 'POST',
    target: '/v1/network-enablement',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ phone_number: '+99012345678' }),
  })

  async function flood() {
    server.behave({})
    t.equal((await startOne(url, '+99012345678', { token })).status, 200)
    server.behave({ start: hang })

    const sockets = await openConnections(url, parallel)
    const answers = sockets.map(answerOf)
    const beganMs = performance.now()
    for (const [index, socket] of sockets.entries()) {
      while (performance.now() - beganMs < (index * overMs) / parallel) await setTimeout(waveMs)
      socket.write(start)
    }
    return Promise.all(answers)
  }

  // A process that has never been busy grows by its own warming up.
  for (let round = 0; round < 2; round++) {
    await flood()
    // The circuit, open by now, lets a probe through.
    await services.advance(600_000)
  }
  await setTimeout(2000)
  const before = await services.weigh()
  const logBefore = services.output().length
  most = 0
  const sentBefore = server.calls('start').length + 1
  const answers = await flood()
  await setTimeout(10_000)
  const after = await services.weigh()

  const counts: Record<string, number> = {}
  for (const { status, code, retryAfter } of answers) {
    t.ok(status === 503 || status === 504, `status ${status}`)
    t.match(retryAfter, /^([1-9]|[1-5]\d|60)$/)
    counts[code] = (counts[code] ?? 0) + 1
  }
  const sent = server.calls('start').length - sentBefore
  t.ok(most > 0 && most <= maxInFlight, `${most} in flight`)
  const heapGrowth = Math.round((1000 * (after.heapBytes - before.heapBytes)) / before.heapBytes) / 10
  t.ok(heapGrowth <= 5, `the heap grew by ${heapGrowth} %`)
  const log = services.output().slice(logBefore)
  // Those at the door. Who got a place in the queue may still be refused behind it, and has waited.
  const refusals = ['"note":"the quota is spent"', '"code":"overloaded"'].flatMap((mark) =>
    serverSideMs(log, mark),
  )
  const refusalServerP99Ms = percentile(refusals, 0.99)
  t.ok(refusals.length > parallel / 2)
  if (overMs > 0) t.ok(refusalServerP99Ms < 50, `${refusalServerP99Ms} ms`)
  return {
    parallel,
    ...counts,
    mostInFlight: most,
    sent,
    refusalServerP50Ms: percentile(refusals, 0.5),
    refusalServerP99Ms,
    refusalServerMaxMs: percentile(refusals, 1),
    heapMb: Math.round(after.heapBytes / 1e5) / 10,
    heapGrowthPercent: heapGrowth,
  }
}
