/** Keeps a fault that lasts from filling the log. */
import type { Clock } from './ports.ts'

const quietMs = 60_000

/** @returns whether this kind has not been told of for a minute, and then counts it as told. Kinds are of a closed set */
export function createOnceAMinute(clock: Clock): (kind: string) => boolean {
  const toldAtMs = new Map<string, number>()
  return (kind) => {
    const nowMs = clock.monotonicMs()
    if (nowMs - (toldAtMs.get(kind) ?? Number.NEGATIVE_INFINITY) < quietMs) return false
    toldAtMs.set(kind, nowMs)
    return true
  }
}
