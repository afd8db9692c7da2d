/**
 * Ends the work for a caller who does not wait for its answer any more.
 */
import type { FastifyReply } from 'fastify'

/**
 * A controller that aborts when the connection closes before the answer is complete; whoever works for the answer may abort it too.
 * Fastify's own `request.signal` does not serve: it aborts as soon as the request's body has been read.
 */
export function workFor({ raw }: FastifyReply): AbortController {
  const work = new AbortController()
  // The caller may have left while its token was checked; `close` does not come twice.
  if (raw.closed) work.abort()
  raw.on('close', () => {
    if (!raw.writableFinished) work.abort()
  })
  return work
}
