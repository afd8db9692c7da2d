/** A transport whose calls are spans, children of the request that caused them; Vonage gets the span as their parent. */
import type { UpstreamCall } from '../core/events.ts'
import type { InSpan } from '../core/spans.ts'
import type { Transport } from './transport.ts'

/** @param url that of the transport */
export function traceTransport(
  transport: Transport,
  call: UpstreamCall,
  url: string,
  inSpan: InSpan,
): Transport {
  const { hostname } = new URL(url)
  const span = {
    name: `vonage ${call}`,
    attributes: { 'http.request.method': 'POST', 'server.address': hostname },
  }
  return {
    ...transport,
    send: (request, signal) =>
      inSpan(
        span,
        (traceparent) => transport.send({ ...request, headers: { ...request.headers, traceparent } }, signal),
        (outcome) =>
          outcome.kind === 'answer'
            ? { 'http.response.status_code': outcome.status }
            : { 'error.type': outcome.kind },
      ),
  }
}
