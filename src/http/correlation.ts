/** What names a request across systems: its id, and the trace that its caller says it belongs to. */
import type { FastifyRequest } from 'fastify'
import { type Correlation, parseTraceparent } from '../core/trace-context.ts'

export function correlationOf({ id, headers: { traceparent } }: FastifyRequest): Correlation {
  return typeof traceparent === 'string' && parseTraceparent(traceparent)
    ? { requestId: id, traceparent }
    : { requestId: id }
}
