/**
 * The devices of all replicas that are still out: a sorted set of hashes by the time at which each is given up. Whichever replica
 * removes those whose time is over counts them, so each is counted once. While Redis is away nothing is counted.
 */
import { hash } from 'node:crypto'
import type { EventSink } from '../core/events.ts'
import type { Landings } from '../core/ports.ts'
import type { RedisClient } from './redis-client.ts'

const key = 'nebff:landings'

/** KEYS: sorted set. ARGV: how long a state lives in ms, and a member to add if there is one. Answers how many had their time. */
const countScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if ARGV[2] then redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], 2 * ARGV[1])
return redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)`

interface Scripts {
  countLandings(key: string, ttlMs: number, member?: string): Promise<number>
}

export interface RedisLandingsOptions {
  client: RedisClient
  /** Whole seconds that a state lives. */
  ttlSeconds: number
  events: EventSink
}

export function createRedisLandings({ client, ttlSeconds, events }: RedisLandingsOptions): Landings {
  client.defineCommand('countLandings', { lua: countScript, numberOfKeys: 1 })
  const redis = client as RedisClient & Scripts

  async function count(...member: [member?: string]): Promise<void> {
    const expired = await redis.countLandings(key, ttlSeconds * 1000, ...member).catch(() => 0)
    if (expired > 0) events({ name: 'verification.expired_without_landing', count: expired })
  }

  return {
    expect(state) {
      void count(memberOf(state))
    },
    land(state) {
      redis.zrem(key, memberOf(state)).catch(() => undefined)
    },
    countExpired: () => count(),
  }
}

/** The state itself is nowhere in Redis. */
function memberOf(state: string): string {
  return hash('sha256', state, 'base64url').slice(0, 22)
}
