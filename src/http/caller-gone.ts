/**
 * Tells when nobody waits for an answer any more.
 */
import type { FastifyReply } from 'fastify'

/**
 * Aborts when the connection closes before the answer is complete. Fastify's own `request.signal` does not serve: it aborts as
 * soon as the request's body has been read.
 */
export function callerGone({ raw }: FastifyReply): AbortSignal {
  const controller = new AbortController()
  // It may have left while its token was checked; `close` does not come twice.
  if (raw.closed) controller.abort()
  raw.once('close', () => {
    if (!raw.writableFinished) controller.abort()
  })
  return controller.signal
}
