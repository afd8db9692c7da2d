/**
 * All that must be remembered, in Redis for all replicas. Loaded by `stores.ts` only where Redis is set. Part of `compose.ts`.
 */
import type { Config } from './config.ts'
import { ServiceFailure } from './core/failures.ts'
import type { StateStore } from './core/ports.ts'
import { createRedisStore } from './store/redis.ts'
import { createRedisClient, findServerFaults } from './store/redis-client.ts'
import { createRedisCounters, type RedisCountersOptions } from './store/redis-counters.ts'
import { createRedisLandings } from './store/redis-landings.ts'
import { createRedisPermits } from './store/redis-permits.ts'
import { createRedisStarts } from './store/redis-starts.ts'
import { createTroubleReport } from './store/redis-trouble.ts'
import { createRedisTypedCodes } from './store/redis-typed-codes.ts'
import { traceMethods } from './store/traced-methods.ts'
import type { Stores, StoresContext } from './stores.ts'
import { spacingMs } from './vonage/quota.ts'

export interface RedisStoresContext extends StoresContext {
  urls: readonly string[]
  /** How long the code of a message can be typed. */
  codeSeconds: number
  /** Counts while Redis does not. */
  local: RedisCountersOptions['local']
}

export function redisOptions(config: Config, urls: readonly string[]) {
  return {
    urls,
    cluster: config.REDIS_CLUSTER,
    sentinelMaster: config.REDIS_SENTINEL_MASTER,
    tls: { ca: config.REDIS_CA, cert: config.REDIS_CERTIFICATE, key: config.REDIS_KEY },
  }
}

export function openRedisStores(config: Config, context: RedisStoresContext): Stores {
  const { clock, digest, log, events, inSpan, urls, codeSeconds, local } = context
  const ttlSeconds = config.STATE_TTL_SECONDS
  const reportTrouble = createTroubleReport(clock, (trouble) => log.warn(trouble, 'Redis fails'))
  const client = createRedisClient({
    ...redisOptions(config, urls),
    onError: reportTrouble,
  })
  const traced = <T extends object>(name: string, part: T): T =>
    inSpan ? traceMethods(name, part, inSpan) : part
  const redisStore = createRedisStore({
    client,
    ttlSeconds,
    finishTimeoutMs: config.FINISH_TIMEOUT_MS,
    maxPerCaller: config.STATE_MAX_PER_CALLER,
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
    counters: traced('limit', createRedisCounters({ client, local })),
    permits: traced(
      'quota',
      createRedisPermits({ client, spacingMs: spacingMs(config.VONAGE_REQUESTS_PER_SECOND), clock }),
    ),
    landings: createRedisLandings({ client, ttlSeconds, events }),
    codes: traced(
      'code',
      createRedisTypedCodes({ client, lifetimeSeconds: codeSeconds, digest, onFailure: reportTrouble }),
    ),
    starts: traced('start', createRedisStarts({ client, digest, onFailure: reportTrouble })),
    liveStates: () => undefined,
    async close() {
      await client.quit().catch(() => undefined)
      client.disconnect()
    },
  }
}
