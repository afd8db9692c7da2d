/**
 * The state store for several replicas. Taking a state is one command, so it is atomic; a command whose answer did not come in
 * time counts as failed, and a state whose taking failed counts as taken. docs/state.md lists every key.
 */
import { setTimeout } from 'node:timers/promises'
import { type Clock, type Result, resultTtlSeconds, type StateStore } from '../core/ports.ts'
import { resultKey, verificationKey } from '../core/state.ts'
import { openRecord, openResult, sealRecord, sealResult } from './record.ts'
import type { RedisClient } from './redis-client.ts'
import { createOrUnavailable } from './redis-trouble.ts'

/**
 * KEYS: the caller's list. ARGV: how to add (RPUSH as the newest, LPUSH as the oldest), record, its time in ms, live records per
 * caller. Answers the record that must go, which is the oldest.
 */
const listScript = `
redis.call(ARGV[1], KEYS[1], ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
if redis.call('LLEN', KEYS[1]) > tonumber(ARGV[4]) then return redis.call('LPOP', KEYS[1]) end`

/**
 * KEYS: a record. ARGV: the mark of its finish (empty: none), the mark's time in ms. Answers the record and the ms that it had left,
 * and puts the mark in its place. Of two finishes only the first gets it, and no record has a mark's colon. The deletion comes first:
 * a full Redis takes what a script writes after it.
 */
const takeScript = `
local left = redis.call('PTTL', KEYS[1])
local record = redis.call('GET', KEYS[1])
if not record or string.find(record, ':', 1, true) then return end
redis.call('DEL', KEYS[1])
if ARGV[1] ~= '' then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return {record, left}`

/** Beyond the deadline of a finish: for signing, and for keeping its result. */
const markMarginMs = 1000
/** How often whoever repeats a finish under way at another replica looks for its result. */
const lookIntervalMs = 100

/**
 * Former versions kept only yes or no, under `nebff:result:`. What replicas of them keep during a roll-out is still found, for so
 * long after the start of this process; later such a value would be forged.
 */
const formerResultsMs = 10 * 60_000

const unheard = () => undefined

/** Never there. */
const probes = ['nebff:none', 'nebff:none:1', 'nebff:none:2']

interface Scripts {
  listVerification(
    list: string,
    push: 'RPUSH' | 'LPUSH',
    record: string,
    ttlMs: number,
    max: number,
  ): Promise<string | null>
  takeVerification(
    record: string,
    mark: string,
    markMs: number,
  ): Promise<[sealed: string, leftMs: number] | null>
}

export interface RedisStoreOptions {
  client: RedisClient
  /** Whole seconds that a state lives. */
  ttlSeconds: number
  /** The deadline of a finish: for so long its repeats at other replicas wait for its result. */
  finishTimeoutMs: number
  /** Live states of one subject; its oldest goes for a new one. */
  maxPerCaller: number
  /** Hides the subject in the name of a caller's list. Only the cap hangs on it: whoever has another one still finds everything. */
  digest: (text: string) => string
  clock: Clock
  /** Called for every command of the store that failed. */
  onFailure?: (error: unknown) => void
}

export function createRedisStore({
  client,
  ttlSeconds,
  finishTimeoutMs,
  maxPerCaller,
  digest,
  clock,
  onFailure,
}: RedisStoreOptions): StateStore {
  client.defineCommand('listVerification', { lua: listScript, numberOfKeys: 1 })
  client.defineCommand('takeVerification', { lua: takeScript, numberOfKeys: 1 })
  const redis = client as RedisClient & Scripts
  const ttlMs = ttlSeconds * 1000
  const markMs = finishTimeoutMs + markMarginMs
  const orUnavailable = createOrUnavailable(onFailure)
  const formerResultsUntilMs = clock.monotonicMs() + formerResultsMs

  const list = (subject: string) => `nebff:states:${digest(subject)}`
  const record = (subject: string, state: string) => `nebff:state:${verificationKey(subject, state)}`
  const result = (subject: string, state: string, code: string) =>
    `nebff:finished:${resultKey(subject, state, code)}`
  const markOf = (subject: string, state: string, code: string) =>
    `finishing:${resultKey(subject, state, code)}`

  /** @returns whether it is still there, not being itself the one that had to go */
  async function keep(
    subject: string,
    key: string,
    sealed: string,
    push: 'RPUSH' | 'LPUSH',
    leftMs: number,
  ): Promise<boolean> {
    const [, dropped] = await Promise.all([
      // What is put back takes the place of its mark.
      push === 'RPUSH' ? redis.set(key, sealed, 'PX', leftMs, 'NX') : redis.set(key, sealed, 'PX', leftMs),
      redis.listVerification(list(subject), push, key, leftMs, maxPerCaller),
    ])
    if (dropped !== null) await redis.del(dropped)
    return dropped !== key
  }

  async function findFormerResult(subject: string, state: string, code: string): Promise<Result | undefined> {
    if (clock.monotonicMs() >= formerResultsUntilMs) return undefined
    const kept = await orUnavailable(redis.get(`nebff:result:${resultKey(subject, state, code)}`))
    return kept === null ? undefined : { verified: kept === '1' }
  }

  return {
    async put(subject, state, pending, lifetimeSeconds = ttlSeconds) {
      const sealed = sealRecord(pending, state)
      const lifetimeMs = Math.min(ttlMs, lifetimeSeconds * 1000)
      await orUnavailable(keep(subject, record(subject, state), sealed, 'RPUSH', lifetimeMs))
    },

    async take(subject, state, code) {
      const key = record(subject, state)
      const taking = redis.takeVerification(
        key,
        code === undefined ? '' : markOf(subject, state, code),
        markMs,
      )
      // Sent along, and nobody waits for it: a name that stays in the list costs the caller a place until its TTL, no more.
      redis.lrem(list(subject), 1, key).catch(unheard)
      const takenAtMs = clock.monotonicMs()
      const taken = await orUnavailable(taking)
      if (taken === null) return undefined
      const [sealed, leftAtMs] = taken
      const pending = openRecord(sealed, state)
      if (!pending) return undefined
      async function putBack(): Promise<boolean> {
        const leftMs = Math.floor(leftAtMs - (clock.monotonicMs() - takenAtMs))
        return leftMs > 0 && orUnavailable(keep(subject, key, sealed, 'LPUSH', leftMs))
      }
      return { ...pending, putBack, drop: () => void redis.del(key).catch(unheard) }
    },

    async keepResult(subject, state, code, kept) {
      const sealed = sealResult(kept, state)
      await orUnavailable(redis.set(result(subject, state, code), sealed, 'EX', resultTtlSeconds))
    },

    async findResult(subject, state, code) {
      const [key, mark] = [result(subject, state, code), markOf(subject, state, code)]
      const waitUntilMs = clock.monotonicMs() + markMs
      for (;;) {
        const found = [redis.get(key), redis.get(record(subject, state))]
        const [sealed, held] = await orUnavailable(Promise.all(found))
        if (sealed) return openResult(sealed, state)
        if (held !== mark || clock.monotonicMs() >= waitUntilMs) return findFormerResult(subject, state, code)
        await setTimeout(lookIntervalMs)
      }
    },

    async ping() {
      // Writes, since a read-only replica answers PING too; of a kind that a full Redis still takes. In a cluster they lie on several
      // nodes, and whoever reaches one can serve some callers.
      await orUnavailable(Promise.any(probes.map((key) => redis.del(key))))
    },
  }
}
