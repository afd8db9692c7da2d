/** A plain HTTP server in Vonage's place: answers what the test says, in order, and keeps every call as it came. */

import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'

export interface ReceivedCall {
  method: string | undefined
  path: string | undefined
  /** Names as they came, in order of the alphabet. */
  headerNames: string[]
  headers: IncomingMessage['headers']
  body: string
  socket: Socket
}

export interface Reply {
  status: number
  /** JSON unless it is text. */
  body?: unknown
  headers?: Record<string, string>
  /** How long Vonage thinks about it. */
  afterMs?: number
}

/** The reply to the n-th call, counted from 0; undefined: none, ever. */
export type Script = (n: number, call: ReceivedCall) => Reply | undefined

export interface VonageServer {
  url: string
  calls: ReceivedCall[]
}

export async function startVonageServer(t: Test, script: Script): Promise<VonageServer> {
  const calls: ReceivedCall[] = []
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    const call = {
      method: request.method,
      path: request.url,
      headerNames: request.rawHeaders.filter((_, index) => index % 2 === 0).sort(),
      headers: request.headers,
      body,
      socket: request.socket,
    }
    const reply = script(calls.push(call) - 1, call)
    if (!reply) return
    if (reply.afterMs) await wait(reply.afterMs)
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers })
    response.end(typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, calls }
}
