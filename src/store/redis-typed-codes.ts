/**
 * The codes by text message of all replicas. Record and count of a code are one hash under one key, so that a guess is counted and read in
 * one step. Records are sealed by their state; what was sent a moment ago is found by caller and number, and named by keyed digests.
 */
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { claimSeconds, guessesPerCode, type TypedCodes } from '../core/message-ports.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import { verificationKey } from '../core/state.ts'
import { openRecord, sealRecord } from './record.ts'
import type { RedisClient } from './redis-client.ts'
import { createOrUnavailable } from './redis-trouble.ts'
import { placeOf, seal, unseal } from './sealed.ts'

/** KEYS: a code. ARGV: its record, its time in ms. */
const putScript = `
redis.call('HSET', KEYS[1], 'r', ARGV[1], 'g', 0)
redis.call('PEXPIRE', KEYS[1], ARGV[2])`

/** KEYS: a code. ARGV: 1 to count a guess, -1 to take one back. Answers the record and the guesses with this one. */
const countScript = `
local record = redis.call('HGET', KEYS[1], 'r')
if record then return {record, redis.call('HINCRBY', KEYS[1], 'g', ARGV[1])} end`

interface Scripts {
  putCode(key: string, record: string, ttlMs: number): Promise<unknown>
  countGuess(key: string, by: 1 | -1): Promise<[record: string, guesses: number] | null>
}

const claimForm = TypeCompiler.Compile(Type.Object({ s: Type.String() }))

export interface RedisTypedCodesOptions {
  client: RedisClient
  /** Whole seconds that a code lives. */
  lifetimeSeconds: number
  digest: (text: string) => string
  /** Called for every command that failed. */
  onFailure?: (error: unknown) => void
}

export function createRedisTypedCodes(options: RedisTypedCodesOptions): TypedCodes {
  const { client, lifetimeSeconds, digest, onFailure } = options
  client.defineCommand('putCode', { lua: putScript, numberOfKeys: 1 })
  client.defineCommand('countGuess', { lua: countScript, numberOfKeys: 1 })
  const redis = client as RedisClient & Scripts
  const orUnavailable = createOrUnavailable(onFailure)
  const keyOf = (subject: string, state: string) => `nebff:code:${verificationKey(subject, state)}`
  const claimOf = (subject: string, phoneNumber: PhoneNumber) =>
    placeOf(digest, 'nebff:sms', 'sms', subject, phoneNumber)

  return {
    lifetimeSeconds,

    async claim(subject, phoneNumber, state) {
      const { key, secret } = claimOf(subject, phoneNumber)
      const set = await orUnavailable(
        redis.set(key, seal('start', secret, { s: state }), 'EX', claimSeconds, 'NX'),
      )
      if (set !== null) return state
      const sealed = await orUnavailable(redis.get(key))
      const value = sealed === null ? undefined : unseal('start', secret, sealed)
      // It ended between the two, or is not ours: then this message may leave.
      return claimForm.Check(value) ? value.s : state
    },

    async unclaim(subject, phoneNumber) {
      await orUnavailable(redis.del(claimOf(subject, phoneNumber).key))
    },

    async put(subject, state, pending) {
      const record = sealRecord(pending, state)
      await orUnavailable(redis.putCode(keyOf(subject, state), record, lifetimeSeconds * 1000))
    },

    async guess(subject, state) {
      const counted = await orUnavailable(redis.countGuess(keyOf(subject, state), 1))
      const pending = counted && openRecord(counted[0], state)
      return pending ? { pending, left: guessesPerCode - counted[1] } : undefined
    },

    async takeBack(subject, state) {
      await orUnavailable(redis.countGuess(keyOf(subject, state), -1))
    },

    async end(subject, state) {
      await orUnavailable(redis.del(keyOf(subject, state)))
    },
  }
}
