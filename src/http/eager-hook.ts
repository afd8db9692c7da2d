/** Hooks that wait only when there is something to wait for. */
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Soon } from '../core/soon.ts'

/** @param run throws, or rejects, to refuse the request */
export function eagerHook(run: (request: FastifyRequest, reply: FastifyReply) => Soon<unknown>) {
  return (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    let running: Soon<unknown>
    try {
      running = run(request, reply)
    } catch (error) {
      done(error as Error)
      return
    }
    if (running instanceof Promise) running.then(() => done(), done)
    else done()
  }
}
