/**
 * Chooses where what must be remembered is kept: in this process, or in Redis for all replicas. Part of `compose.ts`.
 */
import type { Config } from './config.ts'
import type { EventSink } from './core/events.ts'
import { ServiceFailure } from './core/failures.ts'
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
import { createRedisStore } from './store/redis.ts'
import { createRedisCounters } from './store/redis-counters.ts'
import { createRedisLandings } from './store/redis-landings.ts'
import { createRedisStarts } from './store/redis-starts.ts'
import { createTroubleReport } from './store/redis-trouble.ts'
import { createRedisTypedCodes } from './store/redis-typed-codes.ts'
import { traceMethods } from './store/traced-methods.ts'
import { createLocalPermits, type Permits, spacingMs } from './vonage/quota.ts'

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

export function redisOptions(config: Config, urls: readonly string[]) {
  return {
    urls,
    cluster: config.REDIS_CLUSTER,
    sentinelMaster: config.REDIS_SENTINEL_MASTER,
    tls: { ca: config.REDIS_CA, cert: config.REDIS_CERTIFICATE, key: config.REDIS_KEY },
  }
}

/** Does not wait for Redis: while it is away, `store_unavailable` is the answer, never a silent fall-back to memory. */
export async function openStores(config: Config, context: StoresContext): Promise<Stores> {
  const { clock, digest, log, events, inSpan } = context
  const ttlSeconds = config.STATE_TTL_SECONDS
  const maxPerCaller = config.STATE_MAX_PER_CALLER
  const lifetimeSeconds = Math.min(ttlSeconds, longestCodeSeconds)
  const perSecond = config.VONAGE_REQUESTS_PER_SECOND
  const localCounters = createMemoryCounters({ clock })
  if (config.REDIS_URL === undefined) {
    const maxEntries = config.STATE_MAX_ENTRIES
    const store = createMemoryStore({ ttlSeconds, maxPerCaller, maxEntries, clock })
    return {
      store,
      counters: localCounters,
      permits: createLocalPermits({ perSecond, clock }),
      landings: createMemoryLandings({ ttlSeconds, clock, events }),
      starts: createMemoryStarts({ clock }),
      codes: createMemoryTypedCodes({ lifetimeSeconds, clock }),
      liveStates: store.size,
      close: async () => undefined,
    }
  }

  // A tenth of the time to start, and 12 MB, that a single replica does without.
  const { createRedisClient, findServerFaults } = await import('./store/redis-client.ts')
  const { createRedisPermits } = await import('./store/redis-permits.ts')
  const reportTrouble = createTroubleReport(clock, (trouble) => log.warn(trouble, 'Redis fails'))
  const client = createRedisClient({
    ...redisOptions(config, config.REDIS_URL),
    onError: reportTrouble,
  })
  const traced = <T extends object>(name: string, part: T): T =>
    inSpan ? traceMethods(name, part, inSpan) : part
  const redisStore = createRedisStore({
    client,
    ttlSeconds,
    finishTimeoutMs: config.FINISH_TIMEOUT_MS,
    maxPerCaller,
    digest,
    clock,
    onFailure: reportTrouble,
  })
  let clusterNode = false
  client.on('ready', async () => {
    const faults = await findServerFaults(client)
    clusterNode = faults.clusterNode === true
    if (clusterNode) log.error('REDIS_URL names one node of a cluster; set REDIS_CLUSTER=true')
    if (faults.evicting !== undefined)
      log.warn({ policy: faults.evicting }, 'Redis may evict live states; set maxmemory-policy to noeviction')
    // Tells at once of rights that are missing.
    await store.ping().catch(() => undefined)
  })
  const store: StateStore = {
    ...redisStore,
    async ping() {
      if (clusterNode) throw new ServiceFailure('store_unavailable', { note: 'one node of a cluster' })
      await redisStore.ping()
    },
  }
  return {
    store: traced('state', store),
    counters: traced('limit', createRedisCounters({ client, local: localCounters })),
    permits: traced('quota', createRedisPermits({ client, spacingMs: spacingMs(perSecond), clock })),
    landings: createRedisLandings({ client, ttlSeconds, events }),
    codes: traced(
      'code',
      createRedisTypedCodes({ client, lifetimeSeconds, digest, onFailure: reportTrouble }),
    ),
    starts: traced('start', createRedisStarts({ client, digest, onFailure: reportTrouble })),
    liveStates: () => undefined,
    async close() {
      await client.quit().catch(() => undefined)
      client.disconnect()
    },
  }
}
