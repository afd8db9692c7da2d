/**
 * The state store for several replicas. Each step that must be atomic is one command or one script; a command whose answer did
 * not come in time counts as failed, and a state whose taking failed counts as taken. docs/state.md lists every key.
 */
import { ServiceFailure } from '../core/failures.ts'
import { resultTtlSeconds, type StateStore } from '../core/ports.ts'
import { resultKey, verificationKey } from '../core/state.ts'
import { openRecord, sealRecord } from './record.ts'
import type { RedisClient } from './redis-client.ts'

/** KEYS: record, the caller's list. ARGV: sealed record, TTL in ms, live records per caller. */
const putScript = `
redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2])
redis.call('RPUSH', KEYS[2], KEYS[1])
redis.call('PEXPIRE', KEYS[2], ARGV[2])
if redis.call('LLEN', KEYS[2]) > tonumber(ARGV[3]) then redis.call('DEL', redis.call('LPOP', KEYS[2])) end`

/** KEYS: record, the caller's list. */
const takeScript = `
local record = redis.call('GETDEL', KEYS[1])
if record then redis.call('LREM', KEYS[2], 1, KEYS[1]) end
return record`

interface Scripts {
  putVerification(record: string, list: string, sealed: string, ttlMs: number, max: number): Promise<unknown>
  takeVerification(record: string, list: string): Promise<string | null>
}

export interface RedisStoreOptions {
  client: RedisClient
  /** Whole seconds that a state lives. */
  ttlSeconds: number
  /** Live states of one subject; its oldest goes for a new one. */
  maxPerCaller: number
  /** Hides subjects in key names: the same for all replicas, unknown to Redis. */
  digest: (text: string) => string
}

export function createRedisStore({
  client,
  ttlSeconds,
  maxPerCaller,
  digest,
}: RedisStoreOptions): StateStore {
  client.defineCommand('putVerification', { lua: putScript, numberOfKeys: 2 })
  client.defineCommand('takeVerification', { lua: takeScript, numberOfKeys: 2 })
  const redis = client as RedisClient & Scripts

  /** In braces, so that a cluster keeps all that is a caller's in one place. */
  const prefix = (subject: string) => `nebff:{${digest(subject)}}`
  const list = (subject: string) => `${prefix(subject)}:states`
  const record = (subject: string, state: string) =>
    `${prefix(subject)}:state:${verificationKey(subject, state)}`
  const result = (subject: string, state: string, code: string) =>
    `${prefix(subject)}:result:${resultKey(subject, state, code)}`

  return {
    async put(subject, state, pending) {
      const sealed = sealRecord(pending, state)
      await orUnavailable(
        redis.putVerification(record(subject, state), list(subject), sealed, ttlSeconds * 1000, maxPerCaller),
      )
    },

    async take(subject, state) {
      const sealed = await orUnavailable(redis.takeVerification(record(subject, state), list(subject)))
      return sealed === null ? undefined : openRecord(sealed, state)
    },

    async keepResult(subject, state, code, verified) {
      const key = result(subject, state, code)
      await orUnavailable(redis.set(key, verified ? '1' : '0', 'EX', resultTtlSeconds))
    },

    async findResult(subject, state, code) {
      const kept = await orUnavailable(redis.get(result(subject, state, code)))
      return kept === null ? undefined : kept === '1'
    },

    async ping() {
      // A write, since a read-only replica answers PING too; of a kind that a full Redis still takes.
      await orUnavailable(redis.del('nebff:none'))
    },
  }
}

function orUnavailable<T>(answer: Promise<T>): Promise<T> {
  return answer.catch((cause: unknown) => {
    throw new ServiceFailure('store_unavailable', { cause })
  })
}
