/**
 * The state store for several replicas. Taking a state is one command, so it is atomic; a command whose answer did not come in
 * time counts as failed, and a state whose taking failed counts as taken. docs/state.md lists every key.
 */
import { ServiceFailure } from '../core/failures.ts'
import { resultTtlSeconds, type StateStore } from '../core/ports.ts'
import { resultKey, verificationKey } from '../core/state.ts'
import { openRecord, sealRecord } from './record.ts'
import type { RedisClient } from './redis-client.ts'

/** KEYS: the caller's list. ARGV: record, TTL in ms, live records per caller. Answers the record that must go for this one. */
const listScript = `
redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
if redis.call('LLEN', KEYS[1]) > tonumber(ARGV[3]) then return redis.call('LPOP', KEYS[1]) end`

interface Scripts {
  listVerification(list: string, record: string, ttlMs: number, max: number): Promise<string | null>
}

export interface RedisStoreOptions {
  client: RedisClient
  /** Whole seconds that a state lives. */
  ttlSeconds: number
  /** Live states of one subject; its oldest goes for a new one. */
  maxPerCaller: number
  /** Hides the subject in the name of a caller's list. Only the cap hangs on it: whoever has another one still finds everything. */
  digest: (text: string) => string
}

export function createRedisStore({
  client,
  ttlSeconds,
  maxPerCaller,
  digest,
}: RedisStoreOptions): StateStore {
  client.defineCommand('listVerification', { lua: listScript, numberOfKeys: 1 })
  const redis = client as RedisClient & Scripts
  const ttlMs = ttlSeconds * 1000

  const list = (subject: string) => `nebff:states:${digest(subject)}`
  const record = (subject: string, state: string) => `nebff:state:${verificationKey(subject, state)}`
  const result = (subject: string, state: string, code: string) =>
    `nebff:result:${resultKey(subject, state, code)}`

  async function put(key: string, sealed: string, ownList: string): Promise<void> {
    const [, dropped] = await Promise.all([
      redis.set(key, sealed, 'PX', ttlMs, 'NX'),
      redis.listVerification(ownList, key, ttlMs, maxPerCaller),
    ])
    if (dropped !== null) await redis.del(dropped)
  }

  return {
    async put(subject, state, pending) {
      await orUnavailable(put(record(subject, state), sealRecord(pending, state), list(subject)))
    },

    async take(subject, state) {
      const key = record(subject, state)
      const taking = redis.getdel(key)
      // Sent along, and nobody waits for it: a name that stays in the list costs the caller a place until its TTL, no more.
      redis.lrem(list(subject), 1, key).catch(() => undefined)
      const sealed = await orUnavailable(taking)
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
