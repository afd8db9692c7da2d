/**
 * Refuses work while the event loop is so late that every answer would be: better some quick refusals than all answers slow.
 */
import type { FastifyInstance } from 'fastify'
import { ServiceFailure } from '../core/failures.ts'

/** Normal is under 10 ms; at this delay a start already takes several times as long as usual. */
const maxLateMs = 200
/** One timely beat after a late one ends the refusals. */
const beatMs = 50

/**
 * Guards the scope's routes with `overloaded`. A timer beats from the moment of listening, so that the work of starting up does
 * not count; how late its last beat came, or the next one already is, is how late the loop is.
 */
export function shedLoad(scope: FastifyInstance): void {
  let dueAtMs = Number.POSITIVE_INFINITY
  let lastLateMs = 0
  let timer: NodeJS.Timeout | undefined

  function beat(): void {
    lastLateMs = performance.now() - dueAtMs
    dueAtMs = performance.now() + beatMs
  }

  scope.addHook('onListen', async () => {
    dueAtMs = performance.now() + beatMs
    timer = setInterval(beat, beatMs).unref()
  })
  scope.addHook('onClose', async () => clearInterval(timer))
  scope.addHook('onRequest', (_request, _reply, done) => {
    const lateMs = Math.max(lastLateMs, performance.now() - dueAtMs)
    done(lateMs > maxLateMs ? new ServiceFailure('overloaded') : undefined)
  })
}
