/**
 * Refuses work while the event loop is so late that every answer would be: better some quick refusals than all answers slow.
 */
import underPressure from '@fastify/under-pressure'
import type { FastifyInstance } from 'fastify'
import { ServiceFailure } from '../core/failures.ts'

/** Normal is under 10 ms; at this delay a start already takes several times as long as usual. */
const maxEventLoopDelayMs = 200
const sampleIntervalMs = 1000

/** Guards the scope's routes with `overloaded`. */
export async function shedLoad(scope: FastifyInstance): Promise<void> {
  await scope.register(underPressure, {
    maxEventLoopDelay: maxEventLoopDelayMs,
    sampleInterval: sampleIntervalMs,
    pressureHandler: async () => {
      throw new ServiceFailure('overloaded')
    },
  })
}
