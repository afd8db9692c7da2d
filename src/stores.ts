/**
 * Chooses where what must be remembered is kept: in this process, or in Redis for all replicas. Part of `compose.ts`.
 */
import type { Config } from './config.ts'
import type { KeyedDigest } from './core/keyed-digest.ts'
import type { Clock, StateStore } from './core/ports.ts'
import type { Counters } from './http/rate-limit.ts'
import type { Log } from './observability/logger.ts'
import { createMemoryStore } from './store/memory.ts'
import { createMemoryCounters } from './store/memory-counters.ts'
import { createRedisStore } from './store/redis.ts'
import { createRedisCounters } from './store/redis-counters.ts'
import { createRedisPermits } from './store/redis-permits.ts'
import { createLocalPermits, type Permits, spacingMs } from './vonage/quota.ts'

export interface Stores {
  store: StateStore
  counters: Counters
  permits: Permits
  /** After what was asked before has been answered, or given up on. */
  close(): Promise<void>
}

export interface StoresContext {
  clock: Clock
  digest: KeyedDigest
  log: Log['logger']
}

/** Does not wait for Redis: while it is away, `store_unavailable` is the answer, never a silent fall-back to memory. */
export async function openStores(config: Config, { clock, digest, log }: StoresContext): Promise<Stores> {
  const ttlSeconds = config.STATE_TTL_SECONDS
  const maxPerCaller = config.STATE_MAX_PER_CALLER
  const perSecond = config.VONAGE_REQUESTS_PER_SECOND
  const localCounters = createMemoryCounters({ clock })
  if (config.REDIS_URL === undefined)
    return {
      store: createMemoryStore({ ttlSeconds, maxPerCaller, maxEntries: config.STATE_MAX_ENTRIES, clock }),
      counters: localCounters,
      permits: createLocalPermits({ perSecond, clock }),
      close: async () => undefined,
    }

  // A fifth of the time to start, and 20 MB, that a single replica does without.
  const { createRedisClient, onEvictingServer } = await import('./store/redis-client.ts')
  const client = createRedisClient({
    urls: config.REDIS_URL,
    sentinelMaster: config.REDIS_SENTINEL_MASTER,
    tls: { ca: config.REDIS_CA, cert: config.REDIS_CERTIFICATE, key: config.REDIS_KEY },
    onError: (err) => log.warn({ err }, 'Redis connection failed'),
  })
  onEvictingServer(client, (policy) =>
    log.warn({ policy }, 'Redis may evict live states; set maxmemory-policy to noeviction'),
  )
  return {
    store: createRedisStore({ client, ttlSeconds, maxPerCaller, digest }),
    counters: createRedisCounters({ client, local: localCounters }),
    permits: createRedisPermits({ client, spacingMs: spacingMs(perSecond), clock }),
    async close() {
      await client.quit().catch(() => undefined)
      client.disconnect()
    },
  }
}
