/** An `InSpan` that only notes what it is told. */
import type { InSpan, SpanAttributes } from '../../src/core/spans.ts'

export const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

export interface NotedSpan {
  name: string
  /** Those of the beginning and of the end. */
  attributes: SpanAttributes
}

export function recordSpans(): { inSpan: InSpan; spans: NotedSpan[] } {
  const spans: NotedSpan[] = []
  return {
    spans,
    async inSpan({ name, attributes }, work, describe) {
      const span = { name, attributes }
      spans.push(span)
      const result = await work(traceparent)
      span.attributes = { ...attributes, ...describe(result) }
      return result
    },
  }
}
