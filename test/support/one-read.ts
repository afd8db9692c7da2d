/** An HTTP answer as a client gets it that reads once: beside the answer, what the first read held. */

import { connect } from 'node:net'
import type { Test } from 'tap'
import { type RawAnswer, type RawRequest, requestBytes } from './raw-http.ts'

export interface OneRead extends RawAnswer {
  /** What the first read gave. */
  firstRead: Buffer
  /** All until the server ended the connection. */
  bytes: Buffer
}

const serverMustEndWithinMs = 5000

/**
 * A GET, unless told otherwise, that does not ask for the end of the connection, and yet waits for it.
 * @throws when the server keeps the connection
 */
export async function readOnce(t: Test, url: string, request: RawRequest): Promise<OneRead> {
  const { method, headers } = request
  return read(
    t,
    url,
    requestBytes({ ...request, headers: { connection: undefined, ...headers } }),
    method === 'HEAD',
  )
}

/** The same with bytes that may be no request, one character a byte. */
export async function read(t: Test, url: string, bytesToSend: string, isHead = false): Promise<OneRead> {
  const { hostname: host, port } = new URL(url)
  const socket = connect({ host, port: Number(port), signal: AbortSignal.timeout(serverMustEndWithinMs) })
  const chunks: Buffer[] = []
  socket.write(bytesToSend, 'latin1')
  for await (const chunk of socket) chunks.push(chunk as Buffer)
  const bytes = Buffer.concat(chunks)
  const headEnd = bytes.indexOf('\r\n\r\n')
  const [statusLine = '', ...lines] = bytes.toString('latin1', 0, headEnd).split('\r\n')
  const headers = new Headers(lines.map((line) => line.split(': ', 2) as [string, string]))
  const body = bytes.toString('utf8', headEnd + 4)
  if (isHead) t.equal(body, '')
  return {
    status: Number(statusLine.split(' ')[1]),
    headers,
    lines,
    body,
    bytes,
    firstRead: chunks[0] ?? bytes,
  }
}

export function headerNames({ lines }: RawAnswer): string[] {
  return lines.map((line) => line.split(':', 1)[0] ?? '')
}
