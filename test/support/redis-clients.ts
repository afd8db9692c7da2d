/** The service's own Redis client and store on a test's Redis, closed with the test. */
import { Cluster } from 'ioredis'
import { createKeyedDigest } from '../../src/core/keyed-digest.ts'
import type { Clock, StateStore } from '../../src/core/ports.ts'
import { createRedisStore } from '../../src/store/redis.ts'
import { createRedisClient, type RedisClient, type RedisClientOptions } from '../../src/store/redis-client.ts'
import type { Owner } from './redis-server.ts'
import { systemClock } from './system-clock.ts'

export interface OpenedClient {
  client: RedisClient
  /** What `onError` was called with. */
  errors: Error[]
}

/** Does not wait for the connection. */
export function openRedisClient(
  owner: Owner,
  urls: readonly string[],
  options: Partial<RedisClientOptions> = {},
): OpenedClient {
  const errors: Error[] = []
  const onError = (error: Error) => void errors.push(error)
  const client = createRedisClient({ urls, sentinelMaster: undefined, tls: {}, onError, ...options })
  owner.teardown(() => client.disconnect())
  return { client, errors }
}

/** @returns when commands can be sent, in a cluster to every node: each one's connection takes its own few milliseconds */
export async function connected({ client }: OpenedClient): Promise<RedisClient> {
  if (client.status !== 'ready') await new Promise<void>((resolve) => client.once('ready', () => resolve()))
  if (client instanceof Cluster)
    while (!client.nodes().every(({ status }) => status === 'ready'))
      await new Promise((resolve) => setTimeout(resolve, 5))
  return client
}

export interface OpenedStore extends OpenedClient {
  store: StateStore
}

interface StoreSettings {
  ttlSeconds?: number
  maxPerCaller?: number
  secret?: string
  clock?: Clock
}

/** A store whose client is connected. */
export async function openRedisStore(
  owner: Owner,
  urls: readonly string[],
  options: Partial<RedisClientOptions> & StoreSettings = {},
): Promise<OpenedStore> {
  const {
    ttlSeconds = 300,
    maxPerCaller = 5,
    secret = 'a secret',
    clock = systemClock,
    ...clientOptions
  } = options
  const opened = openRedisClient(owner, urls, clientOptions)
  const client = await connected(opened)
  const store = createRedisStore({
    client,
    ttlSeconds,
    finishTimeoutMs: 10_000,
    maxPerCaller,
    digest: createKeyedDigest(secret),
    clock,
  })
  return { ...opened, store }
}

/** Calls again and again until it works. @returns the milliseconds that it took @throws the last error after so long */
export async function untilItWorks(attempt: () => Promise<unknown>, patienceMs: number): Promise<number> {
  const startedAtMs = performance.now()
  for (;;) {
    const error = await attempt().then(
      () => undefined,
      (reason: unknown) => reason,
    )
    const tookMs = performance.now() - startedAtMs
    if (error === undefined) return tookMs
    if (tookMs > patienceMs) throw error
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** The milliseconds until it is settled, either way. */
export async function settledAfterMs(promise: Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now()
  await promise.catch(() => undefined)
  return performance.now() - startedAtMs
}
