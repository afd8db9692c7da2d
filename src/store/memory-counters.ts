/**
 * Counters of one process for the rate limits. Fixed windows that start together and are dropped whole: no timer per key, and
 * nothing is forgotten before its window ends, so that a flood of other keys does not free a blocked one. What stands before
 * the colon of a key is its kind; a flood of one kind leaves the other kinds alone.
 */
import type { Clock } from '../core/ports.ts'

/** Of one kind; about 100 bytes each. Keys beyond it share one count, which is strict rather than forgetful. */
const maxKeys = 100_000
const sharedKey = 'others'

export interface MemoryCountersOptions {
  clock: Clock
}

export function createMemoryCounters({ clock }: MemoryCountersOptions) {
  const hitsOf = createWindows<number>(clock)
  /** Lists, not sets: there are few members, and a set takes twice the memory. */
  const membersOf = createWindows<string[]>(clock)

  return {
    /** Counts one. @returns the count with it, in the window, and the milliseconds to the window's end */
    hit(key: string, windowMs: number): { hits: number; resetMs: number } {
      const { entries, resetMs } = hitsOf(key, windowMs)
      const counted = entries.has(key) || entries.size < maxKeys ? key : sharedKey
      const hits = (entries.get(counted) ?? 0) + 1
      entries.set(counted, hits)
      return { hits, resetMs }
    },

    /**
     * Counts distinct members of a set. @returns whether the member belongs to it, or still found a place among `max`, and the
     * milliseconds to the window's end. When there are too many sets, further ones are not kept.
     */
    admit(
      key: string,
      member: string,
      max: number,
      windowMs: number,
    ): { admitted: boolean; resetMs: number } {
      const { entries, resetMs } = membersOf(key, windowMs)
      const members = entries.get(key) ?? []
      if (members.includes(member)) return { admitted: true, resetMs }
      const admitted = members.length < max
      if (admitted && (entries.has(key) || entries.size < maxKeys)) entries.set(key, members.concat(member))
      return { admitted, resetMs }
    },
  }
}

interface Window<V> {
  entries: Map<string, V>
  endsAtMs: number
}

/** One Map for each kind and window length, replaced when its time is over. */
function createWindows<V>(clock: Clock) {
  const byLength = new Map<number, Map<string, Window<V>>>()
  return (key: string, windowMs: number) => {
    const byKind = byLength.get(windowMs) ?? new Map<string, Window<V>>()
    const kind = key.slice(0, key.indexOf(':') + 1)
    const nowMs = clock.monotonicMs()
    let window = byKind.get(kind)
    if (!window || window.endsAtMs <= nowMs) {
      window = { entries: new Map(), endsAtMs: nowMs + windowMs }
      byLength.set(windowMs, byKind.set(kind, window))
    }
    return { entries: window.entries, resetMs: window.endsAtMs - nowMs }
  }
}
