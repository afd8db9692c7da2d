/** A transport before a raw server, and what to assert on a call that got no answer. */

import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { createTransport, type NoAnswer, type Request, type Transport } from '../../src/vonage/transport.ts'
import { answer, write } from './http-faults.ts'
import { confirm } from './must.ts'
import { type RawServer, type RawServerOptions, startRawServer } from './raw-server.ts'

export const request: Request = {
  method: 'POST',
  path: '/v0.1/some-call?q=1',
  headers: { authorization: 'Bearer a-jwt', 'content-type': 'application/json' },
  body: '{"a":"é"}',
}

/** Short, for calls that are to run into it. */
export const deadlineMs = 120
/** What a busy machine may add. */
export const slackMs = 1000

/** A deadline that no call in a passing test reaches. */
export const longDeadline = () => AbortSignal.timeout(10_000)

export function openTransport(t: Test, url: string, connections = 1): Transport {
  const transport = createTransport({ url, connections })
  t.teardown(() => transport.close())
  return transport
}

export interface TransportSetUp extends Transport {
  server: RawServer
}

export async function setUpTransport(
  t: Test,
  options: RawServerOptions & { basePath?: string; connections?: number },
): Promise<TransportSetUp> {
  const { basePath = '', connections, ...serverOptions } = options
  const server = await startRawServer(t, serverOptions)
  const origin = `${options.tls ? 'https' : 'http'}://127.0.0.1:${server.port}`
  return { server, ...openTransport(t, origin + basePath, connections) }
}

export async function sendTimed({ send }: Pick<Transport, 'send'>, signal: AbortSignal) {
  const startedMs = performance.now()
  const outcome = await send(request, signal)
  return { outcome, elapsedMs: performance.now() - startedMs }
}

/** @returns the cause */
export function assertNoAnswer(
  t: Test,
  outcome: Awaited<ReturnType<Transport['send']>>,
  kind: NoAnswer['kind'],
  repeatable: boolean,
): Error {
  confirm(t, outcome.kind !== 'answer')
  t.equal(outcome.kind, kind)
  t.equal(outcome.repeatable, repeatable)
  confirm(t, outcome.cause instanceof Error)
  return outcome.cause
}

export function assertBetween(t: Test, elapsedMs: number, leastMs: number, mostMs: number): void {
  t.ok(elapsedMs >= leastMs - 5 && elapsedMs <= mostMs, `${elapsedMs} ms`)
}

/** The request with this number, counted from 1, gets the fault, and every other one a good answer. */
export function faultyAt(faultyCall: number, fault: (socket: Socket) => void): (socket: Socket) => void {
  let calls = 0
  return (socket) => (++calls === faultyCall ? fault(socket) : write(answer())(socket))
}
