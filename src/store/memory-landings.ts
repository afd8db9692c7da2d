/**
 * The devices that are still out, in this process: 32 of the state's random bits each, about 30 bytes. Of 100,000 at once about
 * one is missed because another has the same bits.
 */
import type { EventSink } from '../core/events.ts'
import type { Clock, Landings } from '../core/ports.ts'
import { createGenerations } from './generations.ts'

export interface MemoryLandingsOptions {
  /** Whole seconds that a state lives. */
  ttlSeconds: number
  clock: Clock
  events: EventSink
}

export function createMemoryLandings({ ttlSeconds, clock, events }: MemoryLandingsOptions): Landings {
  const generations = createGenerations<Set<number>>({
    ttlMs: ttlSeconds * 1000,
    clock,
    create: () => new Set(),
    onEnd: ({ size }) => {
      if (size > 0) events({ name: 'verification.expired_without_landing', count: size })
    },
  })

  return {
    expect(state) {
      generations.newest().add(bitsOf(state))
    },
    land(state) {
      const bits = bitsOf(state)
      for (const expected of generations.live()) expected.delete(bits)
    },
    async countExpired() {
      generations.live()
    },
  }
}

function bitsOf(state: string): number {
  return Buffer.from(state.slice(0, 8), 'base64url').readInt32LE()
}
