/**
 * What ends after one constant time, without a timer per entry, a sweep, or a Map so large that growing it pauses the loop:
 * containers that each cover a sixteenth of that time and are dropped whole when their last entry has ended.
 */
import type { Clock } from '../core/ports.ts'

const generationsPerTtl = 16

export interface GenerationsOptions<T> {
  /** How long an entry lives. */
  ttlMs: number
  clock: Clock
  /** An empty container. */
  create: () => T
  /** What is left in a container has ended, up to a sixteenth of the time ago. */
  onEnd?: (ended: T) => void
}

export interface Generations<T> {
  /** Where an entry that begins now belongs. */
  newest(): T
  /** All that may hold a live entry, oldest first. */
  live(): Iterable<T>
}

export function createGenerations<T>({ ttlMs, clock, create, onEnd }: GenerationsOptions<T>): Generations<T> {
  /** Oldest first. */
  const containers: T[] = []
  const closesAtMs: number[] = []

  function dropEnded(nowMs: number): void {
    while (closesAtMs[0] !== undefined && closesAtMs[0] + ttlMs <= nowMs) {
      closesAtMs.shift()
      const ended = containers.shift() as T
      onEnd?.(ended)
    }
  }

  return {
    newest() {
      const nowMs = clock.monotonicMs()
      dropEnded(nowMs)
      if (nowMs >= (closesAtMs.at(-1) ?? Number.NEGATIVE_INFINITY)) {
        containers.push(create())
        closesAtMs.push(nowMs + ttlMs / generationsPerTtl)
      }
      return containers.at(-1) as T
    },

    live() {
      dropEnded(clock.monotonicMs())
      return containers
    },
  }
}
