/** TCP and TLS servers for misbehaviour that no HTTP library would commit. */

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import type { Test } from 'tap'

export interface RawServer {
  port: number
  /** Every connection so far. */
  connections: Socket[]
  /** Every complete request so far: its head and its body as they came, one character a byte. */
  requests: string[]
  /** Of requests, complete or not. Under TLS: decrypted. */
  receivedBytes(): number
}

export interface RawServerOptions {
  /** Called for each complete request. */
  onRequest?: (socket: Socket) => void
  onConnection?: (socket: Socket) => void
  /** Speaks TLS with this key and certificate. */
  tls?: TlsOptions
}

/** On loopback, at a free port; gone with the test. */
export async function startRawServer(t: Test, options: RawServerOptions): Promise<RawServer> {
  const connections: Socket[] = []
  const requests: string[] = []
  let receivedBytes = 0

  function serve(socket: Socket): void {
    let pending = ''
    connections.push(socket)
    socket.on('error', () => {})
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      pending += chunk
      receivedBytes += chunk.length
      const length = requestLength(pending)
      if (length === undefined || pending.length < length) return
      requests.push(pending.slice(0, length))
      pending = pending.slice(length)
      options.onRequest?.(socket)
    })
    options.onConnection?.(socket)
  }

  const server: Server = options.tls ? createTlsServer(options.tls, serve) : createServer(serve)
  server.on('tlsClientError', () => {})
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(async () => {
    for (const socket of connections) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { port, connections, requests, receivedBytes: () => receivedBytes }
}

/** @returns undefined while the head is incomplete */
function requestLength(text: string): number | undefined {
  const headEnd = text.indexOf('\r\n\r\n')
  if (headEnd < 0) return undefined
  const bodyLength = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, headEnd))?.[1] ?? '0'
  return headEnd + 4 + Number(bodyLength)
}

/** Writes the text again and again until the connection goes. */
export function drip(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 5)
  socket.once('close', () => clearInterval(timer))
}

/** Writes as fast as the other side reads, until the connection goes or so much is written. */
export function flood(socket: Socket, chunk: Buffer, times: number): void {
  let left = times
  function write(): void {
    while (left-- > 0 && !socket.destroyed) if (!socket.write(chunk)) return void socket.once('drain', write)
  }
  write()
}

/** Resolves when the connection is gone; rejects when there never was one. */
export async function closed(socket: Socket | undefined): Promise<void> {
  if (!socket) throw new Error('there was no connection')
  if (!socket.destroyed) await new Promise<void>((resolve) => socket.once('close', () => resolve()))
}
