/**
 * Ages by both clocks. The monotonic clock stands still while a machine sleeps, and the wall clock can be set; so what must not be
 * used for too long counts as being as old as the older of the two says.
 */
import type { Clock } from './ports.ts'

export interface Moment {
  readonly monotonicMs: number
  readonly wallMs: number
}

export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() }
}

/** Milliseconds since then: 0 or more, whichever way the wall clock was set. */
export function elapsedMs(clock: Clock, since: Moment): number {
  return Math.max(clock.monotonicMs() - since.monotonicMs, clock.wallMs() - since.wallMs)
}
