/**
 * The rate limits' counters for all replicas, in Redis. While Redis does not answer, each replica counts for itself: the limits
 * hold per replica then, and nobody is refused for our trouble.
 */
import type { createMemoryCounters } from './memory-counters.ts'
import type { RedisClient } from './redis-client.ts'

/** KEYS: counter. ARGV: window in ms. Answers the count and the ms left. */
const hitScript = `
local hits = redis.call('INCR', KEYS[1])
if hits == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return {hits, redis.call('PTTL', KEYS[1])}`

/** KEYS: set. ARGV: member, size at most, window in ms. Answers 1 or 0, and the ms left. */
const admitScript = `
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 0 then
  local size = redis.call('SCARD', KEYS[1])
  if size >= tonumber(ARGV[2]) then return {0, redis.call('PTTL', KEYS[1])} end
  redis.call('SADD', KEYS[1], ARGV[1])
  if size == 0 then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
end
return {1, redis.call('PTTL', KEYS[1])}`

interface Scripts {
  countHit(key: string, windowMs: number): Promise<[hits: number, resetMs: number]>
  admitMember(key: string, member: string, max: number, windowMs: number): Promise<[0 | 1, number]>
}

export interface RedisCountersOptions {
  client: RedisClient
  /** Counts while Redis does not. */
  local: ReturnType<typeof createMemoryCounters>
}

export function createRedisCounters({ client, local }: RedisCountersOptions) {
  client.defineCommand('countHit', { lua: hitScript, numberOfKeys: 1 })
  client.defineCommand('admitMember', { lua: admitScript, numberOfKeys: 1 })
  const redis = client as RedisClient & Scripts

  return {
    hit: (key: string, windowMs: number) =>
      redis.countHit(`nebff:limit:${key}`, windowMs).then(
        ([hits, resetMs]) => ({ hits, resetMs }),
        () => local.hit(key, windowMs),
      ),
    admit: (key: string, member: string, max: number, windowMs: number) =>
      redis.admitMember(`nebff:limit:${key}`, member, max, windowMs).then(
        ([admitted, resetMs]) => ({ admitted: admitted === 1, resetMs }),
        () => local.admit(key, member, max, windowMs),
      ),
  }
}
