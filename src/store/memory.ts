/**
 * The state store for one replica: everything in this process, gone with it. Expiry is exact, because `take` checks it; the
 * memory comes back within a sixteenth of the TTL. The clock is monotonic, so a change of the wall clock neither kills nor
 * prolongs a state.
 */
import { ServiceFailure } from '../core/failures.ts'
import { parsePhoneNumber } from '../core/phone-number.ts'
import { type Clock, resultTtlSeconds, type StateStore } from '../core/ports.ts'
import { resultKey } from '../core/state.ts'
import { createExpiringMap } from './expiring-map.ts'
import { createGenerations } from './generations.ts'

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
  state: string
  e164: string
  scope: string
  expiresAtMs: number
}

interface Generation {
  /** By subject, oldest first. */
  entries: Map<string, Entry[]>
  size: number
}

export interface MemoryStore extends StateStore {
  /** Live states. Expired ones count for up to a sixteenth of the TTL more. */
  size(): number
}

export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  const { maxEntries, maxPerCaller, clock } = options
  const ttlMs = options.ttlSeconds * 1000
  const results = createExpiringMap<boolean>({ ttlMs: resultTtlSeconds * 1000, clock })
  const generations = createGenerations<Generation>({
    ttlMs,
    clock,
    create: () => ({ entries: new Map(), size: 0 }),
    onEnd: (ended) => {
      size -= ended.size
    },
  })
  let size = 0

  function remove(generation: Generation, subject: string, own: Entry[], entry: Entry): void {
    own.splice(own.indexOf(entry), 1)
    if (own.length === 0) generation.entries.delete(subject)
    generation.size -= 1
    size -= 1
  }

  function makeRoomForCaller(subject: string): void {
    let held = 0
    let dropOldest: (() => void) | undefined
    for (const generation of generations.live()) {
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
      makeRoomForCaller(subject)
      if (size >= maxEntries) throw new ServiceFailure('overloaded', { note: 'the state store is full' })
      const generation = generations.newest()
      const entry = { state, e164: phoneNumber.reveal(), scope, expiresAtMs: clock.monotonicMs() + ttlMs }
      const own = generation.entries.get(subject)
      if (own) own.push(entry)
      else generation.entries.set(subject, [entry])
      generation.size += 1
      size += 1
    },

    async take(subject, state) {
      for (const generation of generations.live()) {
        const own = generation.entries.get(subject)
        // Only ever compared with those that its own subject started.
        const entry = own?.find((candidate) => candidate.state === state)
        if (!own || !entry) continue
        remove(generation, subject, own, entry)
        const phoneNumber = parsePhoneNumber(entry.e164)
        const live = entry.expiresAtMs > clock.monotonicMs()
        return phoneNumber && live ? { phoneNumber, scope: entry.scope } : undefined
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
      generations.live()
      results.dropExpired()
    },

    size() {
      generations.live()
      return size
    },
  }
}
