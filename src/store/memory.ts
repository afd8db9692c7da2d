/**
 * The state store for one replica: everything in this process, gone with it.
 *
 * Entries live in generations, each a Map that covers a sixteenth of the TTL and is dropped whole when its last entry has
 * expired: no timer per entry, no sweep, and no Map so large that growing it pauses the loop. Expiry is still exact,
 * because `take` checks it. The clock is monotonic, so a change of the wall clock neither kills nor prolongs a state.
 */
import { ServiceFailure } from '../core/failures.ts'
import { parsePhoneNumber } from '../core/phone-number.ts'
import { type Clock, resultTtlSeconds, type StateStore } from '../core/ports.ts'
import { resultKey, verificationKey } from '../core/state.ts'
import { createExpiringMap } from './expiring-map.ts'

const generationsPerTtl = 16

export interface MemoryStoreOptions {
  /** Whole seconds that a state lives. */
  ttlSeconds: number
  /** Live states of all callers. Expired ones count for up to a sixteenth of the TTL more. */
  maxEntries: number
  /** Live states of one subject; its oldest goes for a new one. */
  maxPerCaller: number
  clock: Clock
}

/** The number is kept as text: at 10^6 entries the hiding wrapper would be most of the memory. */
interface Entry {
  key: string
  e164: string
  scope: string
  expiresAtMs: number
}

interface Generation {
  /** By subject, oldest first. */
  entries: Map<string, Entry[]>
  size: number
  closesAtMs: number
}

export function createMemoryStore(options: MemoryStoreOptions): StateStore {
  const { maxEntries, maxPerCaller, clock } = options
  const ttlMs = options.ttlSeconds * 1000
  const results = createExpiringMap<boolean>({ ttlMs: resultTtlSeconds * 1000, clock })
  const generations: Generation[] = []
  let size = 0

  function dropExpired(nowMs: number): void {
    while (generations[0] && generations[0].closesAtMs + ttlMs <= nowMs) {
      size -= generations[0].size
      generations.shift()
    }
  }

  function openGeneration(nowMs: number): Generation {
    const newest = generations.at(-1)
    if (newest && nowMs < newest.closesAtMs) return newest
    const generation = { entries: new Map(), size: 0, closesAtMs: nowMs + ttlMs / generationsPerTtl }
    generations.push(generation)
    return generation
  }

  function remove(generation: Generation, subject: string, own: Entry[], entry: Entry): void {
    own.splice(own.indexOf(entry), 1)
    if (own.length === 0) generation.entries.delete(subject)
    generation.size -= 1
    size -= 1
  }

  function makeRoomForCaller(subject: string): void {
    let held = 0
    let dropOldest: (() => void) | undefined
    for (const generation of generations) {
      const own = generation.entries.get(subject)
      const oldest = own?.[0]
      if (!own || !oldest) continue
      held += own.length
      dropOldest ??= () => remove(generation, subject, own, oldest)
    }
    if (held >= maxPerCaller) dropOldest?.()
  }

  return {
    async put(subject, state, { phoneNumber, scope }) {
      const nowMs = clock.monotonicMs()
      dropExpired(nowMs)
      makeRoomForCaller(subject)
      if (size >= maxEntries) throw new ServiceFailure('overloaded', { note: 'the state store is full' })
      const generation = openGeneration(nowMs)
      const key = verificationKey(subject, state)
      const entry = { key, e164: phoneNumber.reveal(), scope, expiresAtMs: nowMs + ttlMs }
      const own = generation.entries.get(subject)
      if (own) own.push(entry)
      else generation.entries.set(subject, [entry])
      generation.size += 1
      size += 1
    },

    async take(subject, state) {
      const nowMs = clock.monotonicMs()
      dropExpired(nowMs)
      const key = verificationKey(subject, state)
      for (const generation of generations) {
        const own = generation.entries.get(subject)
        const entry = own?.find((candidate) => candidate.key === key)
        if (!own || !entry) continue
        remove(generation, subject, own, entry)
        const phoneNumber = parsePhoneNumber(entry.e164)
        return phoneNumber && entry.expiresAtMs > nowMs ? { phoneNumber, scope: entry.scope } : undefined
      }
      return undefined
    },

    async keepResult(subject, state, code, verified) {
      results.set(resultKey(subject, state, code), verified)
    },

    async findResult(subject, state, code) {
      return results.get(resultKey(subject, state, code))
    },

    async ping() {
      dropExpired(clock.monotonicMs())
      results.dropExpired()
    },
  }
}
