/** A real HTTP server on loopback that serves fixed JSON documents, or whatever a test's handler does, and notes who asked. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Owner } from './public-server.ts'

export interface DocumentServer {
  origin: string
  /** Path to the JSON document or the handler there; may be changed at any time. Other paths answer 404. */
  documents: Map<string, unknown>
  /** Every request so far, the oldest first. */
  requests: IncomingMessage[]
  paths(): Array<string | undefined>
}

/** Closed, with its connections, when its owner ends. */
export async function openDocumentServer(
  t: Owner,
  documents: Record<string, unknown> = {},
): Promise<DocumentServer> {
  const routes = new Map(Object.entries(documents))
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    const document = routes.get(String(request.url))
    if (typeof document === 'function') return void (document as RequestListener)(request, response)
    response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(document ?? {}))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    documents: routes,
    requests,
    paths: () => requests.map(({ url }) => url),
  }
}
