/**
 * A Map whose entries end after one constant time. They sit in two generations that are dropped whole, so nothing is swept;
 * expiry is exact all the same, because `get` checks it. As large as one TTL's worth of entries, twice.
 */
import type { Clock } from '../core/ports.ts'

export interface ExpiringMap<V> {
  get(key: string): V | undefined
  set(key: string, value: V): void
  /** Gives back the memory of what has ended; `set` does so by itself. */
  dropExpired(): void
}

export function createExpiringMap<V>({ ttlMs, clock }: { ttlMs: number; clock: Clock }): ExpiringMap<V> {
  type Entries = Map<string, { value: V; expiresAtMs: number }>
  let recent: Entries = new Map()
  let older: Entries = new Map()
  let recentClosesAtMs = clock.monotonicMs() + ttlMs

  function dropExpired(): void {
    const nowMs = clock.monotonicMs()
    if (nowMs < recentClosesAtMs) return
    older = nowMs < recentClosesAtMs + ttlMs ? recent : new Map()
    recent = new Map()
    recentClosesAtMs = nowMs + ttlMs
  }

  return {
    get(key) {
      const entry = recent.get(key) ?? older.get(key)
      return entry && entry.expiresAtMs > clock.monotonicMs() ? entry.value : undefined
    },
    set(key, value) {
      dropExpired()
      recent.set(key, { value, expiresAtMs: clock.monotonicMs() + ttlMs })
    },
    dropExpired,
  }
}
