/**
 * Chooses where what must be remembered is kept: in this process, or in Redis for all replicas. Part of `compose.ts`.
 */
import type { Config } from './config.ts'
import type { EventSink } from './core/events.ts'
import type { KeyedDigest } from './core/keyed-digest.ts'
import type { TypedCodes } from './core/message-ports.ts'
import type { Clock, Landings, StartsUnderWay, StateStore } from './core/ports.ts'
import type { InSpan } from './core/spans.ts'
import type { Counters } from './http/rate-limit.ts'
import type { Log } from './observability/logger.ts'
import { createMemoryStore } from './store/memory.ts'
import { createMemoryCounters } from './store/memory-counters.ts'
import { createMemoryLandings } from './store/memory-landings.ts'
import { createMemoryStarts } from './store/memory-starts.ts'
import { createMemoryTypedCodes } from './store/memory-typed-codes.ts'
import { createLocalPermits, type Permits } from './vonage/quota.ts'

/** Vonage ends a message's step then. */
const longestCodeSeconds = 300

export interface Stores {
  store: StateStore
  counters: Counters
  permits: Permits
  landings: Landings
  starts: StartsUnderWay
  codes: TypedCodes
  /** In this process; undefined with Redis, which does not count them. */
  liveStates(): number | undefined
  /** After what was asked before has been answered, or given up on. */
  close(): Promise<void>
}

export interface StoresContext {
  clock: Clock
  digest: KeyedDigest
  log: Log['logger']
  events: EventSink
  /** Where tracing is on. */
  inSpan: InSpan | undefined
}

/** Does not wait for Redis: while it is away, `store_unavailable` is the answer, never a silent fall-back to memory. */
export async function openStores(config: Config, context: StoresContext): Promise<Stores> {
  const { clock, events } = context
  const ttlSeconds = config.STATE_TTL_SECONDS
  const codeSeconds = Math.min(ttlSeconds, longestCodeSeconds)
  const counters = createMemoryCounters({ clock })
  if (config.REDIS_URL !== undefined) {
    // A tenth of the time to start, and 12 MB, that a single replica does without.
    const { openRedisStores } = await import('./redis-stores.ts')
    return openRedisStores(config, { ...context, urls: config.REDIS_URL, codeSeconds, local: counters })
  }
  const store = createMemoryStore({
    ttlSeconds,
    maxPerCaller: config.STATE_MAX_PER_CALLER,
    maxEntries: config.STATE_MAX_ENTRIES,
    clock,
  })
  return {
    store,
    counters,
    permits: createLocalPermits({ perSecond: config.VONAGE_REQUESTS_PER_SECOND, clock }),
    landings: createMemoryLandings({ ttlSeconds, clock, events }),
    starts: createMemoryStarts({ clock }),
    codes: createMemoryTypedCodes({ lifetimeSeconds: codeSeconds, clock }),
    liveStates: store.size,
    close: async () => undefined,
  }
}
