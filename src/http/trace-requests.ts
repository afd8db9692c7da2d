/**
 * The server's span of each request, under which everything happens that the request causes. Only registered where tracing is on.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { BeginServerSpan, ServerSpan } from '../core/spans.ts'
import { correlationOf } from './correlation.ts'
import { failureOf } from './problem.ts'

const spans = new WeakMap<FastifyRequest, ServerSpan>()

export function spanOf(request: FastifyRequest): ServerSpan | undefined {
  return spans.get(request)
}

/** For every route of the scope. */
export function traceRequests(scope: FastifyInstance, begin: BeginServerSpan): void {
  scope.addHook('onRequest', (request, _reply, done) => {
    const span = begin(request.method, correlationOf(request).traceparent)
    spans.set(request, span)
    span.run(done)
  })
  // The body comes in events of the socket, which know of no request.
  scope.addHook('preValidation', (request, _reply, done) => spans.get(request)?.run(done))
  scope.addHook('onResponse', async (request, reply) => {
    const { url = 'none' } = request.routeOptions
    spans.get(request)?.end(url, reply.statusCode, failureOf(request)?.code)
  })
}
