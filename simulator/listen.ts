/**
 * Opens a node:http server on a port and says under which URL it can be reached.
 * Shared by the two listeners of the simulator.
 */

import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Listener {
  /** `http://<host>:<port>`, where a wildcard host became 127.0.0.1. */
  url: string
  /** Cuts every connection. Safe to call twice. */
  close(): Promise<void>
}

/** Resolves once the server listens. @throws when the address is taken or not ours. */
export async function listen(server: Server, options: { host: string; port: number }): Promise<Listener> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  return {
    url: reachableUrl(options.host, (server.address() as AddressInfo).port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function reachableUrl(host: string, port: number): string {
  if (host === '0.0.0.0' || host === '::') return `http://127.0.0.1:${port}`
  return host.includes(':') ? `http://[${host}]:${port}` : `http://${host}:${port}`
}
