/** A clock that only the test moves. */
import type { Clock } from '../../src/core/ports.ts'

export interface FakeClock extends Clock {
  /** Moves both clocks forward. */
  advance(ms: number): void
  /** Changes the wall clock alone, as an administrator or NTP would. */
  jumpWall(ms: number): void
}

export function createFakeClock(wallStartMs = Date.UTC(2026, 0, 1)): FakeClock {
  let monotonicMs = 1000
  let wallMs = wallStartMs
  return {
    monotonicMs: () => monotonicMs,
    wallMs: () => wallMs,
    advance(ms) {
      monotonicMs += ms
      wallMs += ms
    },
    jumpWall(ms) {
      wallMs += ms
    },
  }
}
