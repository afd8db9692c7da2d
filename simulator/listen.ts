/**
 * Opens a server on a port and says under which URL it can be reached.
 * Shared by all listeners of the simulator.
 */

import type { AddressInfo, Server, Socket } from 'node:net'

export interface Listener {
  /** `<scheme>://<host>:<port>`, where a wildcard host became 127.0.0.1. */
  url: string
  /** Cuts every connection. Safe to call twice. */
  close(): Promise<void>
}

export interface ListenOptions {
  host: string
  /** 0 takes any free port. */
  port: number
  /** Default `http`. */
  scheme?: 'http' | 'https'
}

/** Resolves once the server listens. @throws when the address is taken or not ours. */
export async function listen(server: Server, options: ListenOptions): Promise<Listener> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    url: `${options.scheme ?? 'http'}://${reachableHost(options.host)}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function reachableHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
