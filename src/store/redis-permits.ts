/**
 * Permits of the account's quota for all replicas, spaced by Redis's clock.
 *
 * While Redis does not answer, each replica goes on with a fixed tenth of the quota, so that up to ten of them stay within it
 * without knowing of each other. A change between the two ways waits until what either gave shortly before is out of the sliding
 * second. A replica that alone loses Redis adds its tenth to what the others take.
 */
import type { Clock } from '../core/ports.ts'
import { maxReconnectDelayMs, type RedisClient } from './redis-client.ts'

const key = 'nebff:quota'
const localShare = 1 / 10
const slidingWindowMs = 1000
/** Until the last replica has found Redis again, and what it gave before is out of the sliding second. */
const settlingMs = slidingWindowMs + 2 * maxReconnectDelayMs
/** Who waits without Redis looks this often whether it is back. */
const lookAgainAfterMs = 250

/**
 * KEYS: time of the next permit. ARGV: spacing in ms. Answers 0, or the ms to wait. A time too far ahead to be true, after the
 * clock of Redis jumped back, is forgotten.
 */
const takeScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local next = tonumber(redis.call('GET', KEYS[1]) or '0')
if next > now and next - now < 120000 then return next - now end
redis.call('SET', KEYS[1], string.format('%.0f', now + ARGV[1]), 'PX', 120000)
return 0`

/** KEYS: time of the next permit. ARGV: pause in ms. */
const pauseScript = `
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local next = tonumber(redis.call('GET', KEYS[1]) or '0')
redis.call('SET', KEYS[1], string.format('%.0f', math.max(next, now + ARGV[1])), 'PX', 120000)`

interface Scripts {
  takePermit(key: string, spacingMs: number): Promise<number>
  pausePermits(key: string, ms: number): Promise<unknown>
}

export interface RedisPermitsOptions {
  client: RedisClient
  /** Between two permits, over all replicas. */
  spacingMs: number
  clock: Clock
}

/** Never rejects. `take` answers 0 for a permit, else the milliseconds until it is worth asking again. */
export function createRedisPermits({ client, spacingMs, clock }: RedisPermitsOptions) {
  client.defineCommand('takePermit', { lua: takeScript, numberOfKeys: 1 })
  client.defineCommand('pausePermits', { lua: pauseScript, numberOfKeys: 1 })
  const redis = client as RedisClient & Scripts
  const localSpacingMs = spacingMs / localShare
  let shared = true
  let nextLocalAtMs = 0
  let pausedUntilMs = 0

  function takeLocally(): number {
    const nowMs = clock.monotonicMs()
    if (shared) {
      shared = false
      nextLocalAtMs = Math.max(nextLocalAtMs, nowMs + slidingWindowMs)
    }
    if (nowMs < pausedUntilMs) return pausedUntilMs - nowMs
    if (nowMs < nextLocalAtMs) return Math.min(nextLocalAtMs - nowMs, lookAgainAfterMs)
    nextLocalAtMs = nowMs + localSpacingMs
    return 0
  }

  return {
    async take(): Promise<number> {
      if (!shared) {
        const answers = await redis.exists(key).catch(() => undefined)
        if (answers === undefined) return takeLocally()
        shared = true
        return settlingMs
      }
      return redis.takePermit(key, Math.ceil(spacingMs)).catch(takeLocally)
    },

    async pause(ms: number): Promise<void> {
      pausedUntilMs = Math.max(pausedUntilMs, clock.monotonicMs() + ms)
      await redis.pausePermits(key, ms).catch(() => undefined)
    },
  }
}
