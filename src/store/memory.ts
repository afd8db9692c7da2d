/**
 * The state store for one replica: everything in this process, gone with it. Expiry is exact, because `take` checks it; the
 * memory comes back within a sixteenth of the TTL. The clock is monotonic, so a change of the wall clock neither kills nor
 * prolongs a state.
 */
import { ServiceFailure } from '../core/failures.ts'
import { parsePhoneNumber } from '../core/phone-number.ts'
import { type Clock, type KeptResult, resultTtlSeconds, type StateStore } from '../core/ports.ts'
import { resultKey } from '../core/state.ts'
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
  requestId?: string
  expiresAtMs: number
}

interface Kept {
  result: KeptResult
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
  const resultTtlMs = resultTtlSeconds * 1000
  const results = createGenerations<Map<string, Kept>>({
    ttlMs: resultTtlMs,
    clock,
    create: () => new Map(),
  })
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

  function add(generation: Generation, subject: string, entry: Entry, as: 'push' | 'unshift'): void {
    const own = generation.entries.get(subject)
    if (own) own[as](entry)
    else generation.entries.set(subject, [entry])
    generation.size += 1
    size += 1
  }

  /** @returns what drops the oldest of a subject that holds as many as it may */
  function dropForRoom(subject: string): (() => void) | undefined {
    let held = 0
    let dropOldest: (() => void) | undefined
    for (const generation of generations.live()) {
      const own = generation.entries.get(subject)
      const oldest = own?.[0]
      if (!own || !oldest) continue
      held += own.length
      dropOldest ??= () => remove(generation, subject, own, oldest)
    }
    return held >= maxPerCaller ? dropOldest : undefined
  }

  return {
    async put(subject, state, { phoneNumber, ...rest }, lifetimeSeconds = options.ttlSeconds) {
      dropForRoom(subject)?.()
      if (size >= maxEntries) throw new ServiceFailure('overloaded', { note: 'the state store is full' })
      const expiresAtMs = clock.monotonicMs() + Math.min(ttlMs, lifetimeSeconds * 1000)
      const { scope, requestId } = rest
      const entry: Entry = { state, e164: phoneNumber.reveal(), scope, expiresAtMs }
      if (requestId !== undefined) entry.requestId = requestId
      add(generations.newest(), subject, entry, 'push')
    },

    async take(subject, state) {
      for (const generation of generations.live()) {
        const own = generation.entries.get(subject)
        // Only ever compared with those that its own subject started.
        const entry = own?.find((candidate) => candidate.state === state)
        if (!own || !entry) continue
        remove(generation, subject, own, entry)
        const phoneNumber = parsePhoneNumber(entry.e164)
        const isLive = () => entry.expiresAtMs > clock.monotonicMs()
        if (!phoneNumber || !isLive()) return undefined
        // Whoever is full may hold one more for it: what was live is never dropped. While it lives, so does its generation.
        async function putBack(): Promise<boolean> {
          const fits = isLive() && dropForRoom(subject) === undefined
          if (fits) add(generation, subject, entry as Entry, 'unshift')
          return fits
        }
        const { scope, requestId } = entry
        // Who repeats a finish under way is in this process, and joins it.
        const drop = () => undefined
        return { phoneNumber, scope, ...(requestId !== undefined && { requestId }), putBack, drop }
      }
      return undefined
    },

    async keepResult(subject, state, code, result) {
      const kept = { result, expiresAtMs: clock.monotonicMs() + resultTtlMs }
      results.newest().set(resultKey(subject, state, code), kept)
    },

    async findResult(subject, state, code) {
      const key = resultKey(subject, state, code)
      for (const generation of results.live()) {
        const kept = generation.get(key)
        if (kept && kept.expiresAtMs > clock.monotonicMs()) return kept.result
      }
      return undefined
    },

    async ping() {
      generations.live()
      results.live()
    },

    size() {
      generations.live()
      return size
    },
  }
}
