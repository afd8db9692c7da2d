/**
 * Traces by OpenTelemetry, sent over OTLP. This file, and with it OpenTelemetry, is loaded only where an endpoint is set. The spans are
 * our own, few, and hold what the log line holds: no URLs, no headers, nothing of a phone.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { type Context, ROOT_CONTEXT, type Span, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api'
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http'
import { resourceFromAttributes } from '@opentelemetry/resources'
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import type { BeginServerSpan, InSpan, SpanAttributes } from '../core/spans.ts'
import { parseTraceparent } from '../core/trace-context.ts'

/** A collector that hangs holds the end of the process no longer than this. */
const exportTimeoutMs = 3000

export interface TracingOptions {
  /** Base URL of the collector; `/v1/traces` is appended. Other standard variables, such as OTEL_EXPORTER_OTLP_HEADERS, count too. */
  endpoint: string
  serviceName: string
}

export interface Tracing {
  beginServerSpan: BeginServerSpan
  inSpan: InSpan
  /** Sends what is left. Never rejects: a collector that is away costs traces and nothing else. */
  close(): Promise<void>
}

export function createTracing({ endpoint, serviceName }: TracingOptions): Tracing {
  const exporter = new OTLPTraceExporter({
    url: `${endpoint.replace(/\/$/, '')}/v1/traces`,
    timeoutMillis: exportTimeoutMs,
  })
  const provider = new TracerProvider({
    resource: resourceFromAttributes({ 'service.name': serviceName }),
    spanProcessors: [new BatchSpanProcessor({ exporter, exportTimeoutMillis: exportTimeoutMs })],
  })
  const tracer = provider.getTracer('network-enablement-bff')
  const active = new AsyncLocalStorage<Span>()

  return {
    beginServerSpan(method, traceparent) {
      const span = tracer.startSpan(method, { kind: SpanKind.SERVER }, parentFrom(traceparent))
      return {
        traceId: span.spanContext().traceId,
        run: (work) => active.run(span, work),
        end(route, status, failure) {
          span.updateName(`${method} ${route}`)
          endSpan(span, {
            'http.request.method': method,
            'http.route': route,
            'http.response.status_code': status,
            ...(status >= 500 && { 'error.type': failure ?? String(status) }),
          })
        },
      }
    },

    async inSpan({ name, attributes }, work, describe) {
      const parent = active.getStore()
      const context = parent ? trace.setSpan(ROOT_CONTEXT, parent) : ROOT_CONTEXT
      const span = tracer.startSpan(name, { kind: SpanKind.CLIENT, attributes }, context)
      try {
        const result = await work(traceparentOf(span))
        endSpan(span, describe(result))
        return result
      } catch (error) {
        endSpan(span, { 'error.type': error instanceof Error ? error.name : 'unknown' })
        throw error
      }
    },

    async close() {
      await provider.shutdown().catch(() => undefined)
    },
  }
}

function endSpan(span: Span, attributes: SpanAttributes): void {
  span.setAttributes(attributes)
  if (attributes['error.type'] !== undefined) span.setStatus({ code: SpanStatusCode.ERROR })
  span.end()
}

function parentFrom(traceparent: string | undefined): Context {
  const parent = parseTraceparent(traceparent)
  if (!parent) return ROOT_CONTEXT
  const { traceId, parentId: spanId, flags } = parent
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
  })
}

function traceparentOf(span: Span): string {
  const { traceId, spanId, traceFlags } = span.spanContext()
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`
}
