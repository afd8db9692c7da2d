/**
 * What is told of each request when it has ended: one log line, and its events. The route's template, never the URL; no headers, no
 * bodies. Of a phone number the calling code; of the caller a keyed digest.
 */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { EventSink, Step } from '../core/events.ts'
import { callingCodeOf, isPhoneNumber } from '../core/phone-number.ts'
import { parseTraceparent } from '../core/trace-context.ts'
import { failureOf } from './problem.ts'
import { spanOf } from './trace-requests.ts'

/** The part of a pino logger that is used here. */
export interface RequestLog {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The step of a verification that the route is. */
    step?: Step
    /** Asked all the time, so that a good answer is only worth a line at level debug. */
    probe?: boolean
  }
}

/** Failures that somebody has to act on: bugs, and Vonage refusing our credentials or balance. */
const alarming = new Set(['internal', 'upstream_refused'])
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function reportRequest(
  { log, events }: { log: RequestLog; events: EventSink },
  request: FastifyRequest,
  reply: FastifyReply,
): void {
  const { method } = request
  const { url: route = 'none', config } = request.routeOptions
  const { step, probe } = config
  const { statusCode: status, elapsedTime } = reply
  const failure = failureOf(request)

  const methodOfRoute = route === 'none' ? 'none' : method
  events({ name: 'request.answered', route, method: methodOfRoute, status, seconds: elapsedTime / 1000 })
  if (step && failure) events({ name: 'verification.failed', step, code: failure.code })

  const line = {
    request_id: request.id,
    trace_id: spanOf(request)?.traceId ?? parseTraceparent(request.headers.traceparent)?.traceId,
    method,
    route,
    status,
    duration_ms: Math.round(elapsedTime * 10) / 10,
    caller: request.caller?.pseudonym,
    country: step === 'start' || step === 'sms' ? countryOf(request.body) : undefined,
    sdk_request_id: step === 'landing' ? sdkRequestIdOf(request) : undefined,
    code: failure?.code,
    note: failure?.note,
    err: failure?.cause,
  }
  if (failure && alarming.has(failure.code)) log.error(line, 'request failed')
  else if (probe && !failure) log.debug(line, 'request')
  else log.info(line, 'request')
}

function countryOf(body: unknown): string | undefined {
  const { phone_number: phoneNumber } = (body ?? {}) as { phone_number?: unknown }
  return typeof phoneNumber === 'string' && isPhoneNumber(phoneNumber)
    ? callingCodeOf(phoneNumber)
    : undefined
}

/** Vonage's Android library names each of its walks through the redirects. */
function sdkRequestIdOf({ headers }: FastifyRequest): string | undefined {
  const id = headers['x-silentauth-sdk-request']
  return typeof id === 'string' && uuid.test(id) ? id : undefined
}
