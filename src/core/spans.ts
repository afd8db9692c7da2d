/** What is told of a request where tracing is on. Implemented by `observability/tracing.ts`. */

/** The span of one request, under which everything happens that the request causes. */
export interface ServerSpan {
  /** 32 hexadecimal digits. */
  traceId: string
  /** Runs this, and all that it causes, under the span. */
  run(work: () => void): void
  /** @param failure its code, if there was one */
  end(route: string, status: number, failure: string | undefined): void
}

/** Where tracing is on: begins a span, as a child of what a well-formed `traceparent` names. */
export type BeginServerSpan = (method: string, traceparent: string | undefined) => ServerSpan

/** Where tracing is on: runs work as a span below the active one, and tells of its end what `describe` makes of the result. */
export type InSpan = <T>(
  span: { name: string; attributes: SpanAttributes },
  work: (traceparent: string) => Promise<T>,
  describe: (result: T) => SpanAttributes,
) => Promise<T>

/** By the names of OpenTelemetry's conventions; `error.type` marks the span as failed. Nothing personal, no query strings. */
export type SpanAttributes = Readonly<Record<string, string | number>>
