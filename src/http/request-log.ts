/**
 * One log line per request: the route's template, never the URL; no headers, no bodies.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import { failureOf } from './problem.ts'

/** The part of a pino logger that is used here. */
export interface RequestLog {
  info(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** Failures that somebody has to act on: bugs, and Vonage refusing our credentials or balance. */
const alarming = new Set(['internal', 'upstream_refused'])

export function logRequest(log: RequestLog, request: FastifyRequest, reply: FastifyReply): void {
  const failure = failureOf(request)
  const line = {
    request_id: request.id,
    method: request.method,
    route: request.routeOptions.url ?? 'none',
    status: reply.statusCode,
    duration_ms: Math.round(reply.elapsedTime * 10) / 10,
    ...(failure && { code: failure.code, note: failure.note, err: failure.cause }),
  }
  if (failure && alarming.has(failure.code)) log.error(line, 'request failed')
  else log.info(line, 'request')
}
