/** A real OTLP receiver on loopback, as far as a test needs one: it keeps the spans that are posted to it as JSON. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Test } from 'tap'
import { openDocumentServer } from './document-server.ts'

export interface CollectedSpan {
  traceId: string
  spanId: string
  parentSpanId?: string
  name: string
  /** As OTLP counts them: 2 server, 3 client. */
  kind: number
  status: { code?: number }
  attributes: Record<string, unknown>
  resource: Record<string, unknown>
}

export interface Collector {
  origin: string
  spans: CollectedSpan[]
  /** Every body as it came. */
  bodies: string[]
  headers: IncomingMessage['headers'][]
}

type Attributes = { key: string; value: Record<string, unknown> }[]
interface ExportRequest {
  resourceSpans: {
    resource: { attributes: Attributes }
    scopeSpans: { spans: (Omit<CollectedSpan, 'attributes' | 'resource'> & { attributes: Attributes })[] }[]
  }[]
}

const toRecord = (attributes: Attributes) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]))

export async function openCollector(t: Test): Promise<Collector> {
  const collector: Collector = { origin: '', spans: [], bodies: [], headers: [] }
  async function receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray()).toString()
    collector.bodies.push(body)
    collector.headers.push(request.headers)
    for (const { resource, scopeSpans } of (JSON.parse(body) as ExportRequest).resourceSpans)
      for (const span of scopeSpans.flatMap(({ spans }) => spans))
        collector.spans.push({
          ...span,
          attributes: toRecord(span.attributes),
          resource: toRecord(resource.attributes),
        })
    response.setHeader('content-type', 'application/json')
    response.end('{}')
  }
  const { origin } = await openDocumentServer(t, { '/v1/traces': receive })
  collector.origin = origin
  return collector
}
