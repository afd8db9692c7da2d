/**
 * Carries out those outcomes of a number that look alike at every request: another answer, a late one, a cut connection.
 * Called by the routes that the service speaks to, before their usual answer.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import { type OperatorContext, pathOf } from './context.ts'
import type { Outcome } from './outcomes.ts'
import type { ErrorReply } from './replies.ts'

/** Answers with an error body. */
export function sendError(reply: FastifyReply, error: ErrorReply): FastifyReply {
  return reply.code(error.status).type(error.contentType).send(serialize(error.body))
}

/**
 * Does what the row says for this step, after its delay if it has one.
 * Gives `true` when the request is answered or cut, `false` when the usual answer is due.
 */
export async function answerWithFault(
  { row, step }: { row: { step: string; outcome: Outcome }; step: string },
  request: FastifyRequest,
  reply: FastifyReply,
  context: OperatorContext,
): Promise<boolean> {
  if (row.step !== step) return false
  const { outcome } = row
  if (outcome.kind === 'delay') await context.options.sleep(outcome.delayMs, context.closing)
  if (outcome.kind === 'reply') {
    reply
      .code(outcome.status)
      .headers(outcome.headers ?? {})
      .type(outcome.contentType)
      .send(serialize(outcome.body))
    return true
  }
  if (outcome.kind === 'cut') {
    cut(reply, outcome.when)
    recordRaw({ status: 0, response: null }, request, reply, context)
    return true
  }
  return false
}

function serialize(body: unknown): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}

function cut(reply: FastifyReply, when: 'before_answer' | 'within_answer'): void {
  reply.hijack()
  if (when === 'before_answer') {
    reply.raw.destroy()
    return
  }
  reply.raw.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 })
  reply.raw.write('{', () => reply.raw.destroy())
}

/** A hijacked reply passes no further hook, so its hop is recorded here. */
export function recordRaw(
  answer: { status: number; response: unknown },
  request: FastifyRequest,
  reply: FastifyReply,
  { hops, options }: OperatorContext,
): void {
  hops.record({
    at: new Date(options.now()).toISOString(),
    method: request.method,
    path: pathOf(request),
    ...answer,
    durationMs: Math.round(reply.elapsedTime),
    request: request.body ?? request.query,
  })
}
