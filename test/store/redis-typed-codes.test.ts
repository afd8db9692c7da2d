/** The codes by text message of all replicas: the contract, and what whoever reads or writes Redis can do with them. */
import { test } from 'tap'
import { createKeyedDigest } from '../../src/core/keyed-digest.ts'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { mintState } from '../../src/core/state.ts'
import { createRedisTypedCodes } from '../../src/store/redis-typed-codes.ts'
import { rejectsWith } from '../support/failure.ts'
import { fail } from '../support/must.ts'
import { connected, openRedisClient } from '../support/redis-clients.ts'
import { contentsOf, passTime, watchRedis } from '../support/redis-contents.ts'
import { redisMissing, startRedis } from '../support/redis-server.ts'
import { typedCodesContract } from '../support/typed-codes-contract.ts'

const number = parsePhoneNumber('+447700900200') ?? fail()
const digest = createKeyedDigest('a secret')
const pending = { phoneNumber: number, scope: '', requestId: 'canary-id' }

if (redisMissing) test('typed codes in Redis', { skip: redisMissing }, async () => {})
else defineTests()

function defineTests(): void {
  typedCodesContract('Redis', async (t) => {
    const redis = await startRedis(t)
    const client = await connected(openRedisClient(t, [redis.url]))
    return {
      codes: createRedisTypedCodes({ client, lifetimeSeconds: 300, digest }),
      advance: (ms) => passTime(redis, ms),
      expirySlackMs: 2000,
    }
  })

  test('nothing of a code is readable in Redis, and one that was made up is none', async (t) => {
    const redis = await startRedis(t)
    const seen = await watchRedis(t, redis)
    const client = await connected(openRedisClient(t, [redis.url]))
    const codes = createRedisTypedCodes({ client, lifetimeSeconds: 300, digest })
    const state = mintState()
    await codes.claim('canary-subject', number, state)
    await codes.put('canary-subject', state, pending)
    await codes.guess('canary-subject', state)
    const entries = await contentsOf(redis)
    const readable = JSON.stringify(entries) + seen.join('\n')
    t.equal(entries.length, 2)
    for (const secret of ['canary', '447700900200', state]) t.ok(!readable.includes(secret), secret)
    const code = entries.find(({ key }) => key.includes(':code:'))
    const claim = entries.find(({ key }) => key.includes(':sms:'))
    await redis.command('HSET', code?.key ?? '', 'r', 'forged')
    await redis.command('SET', claim?.key ?? '', 'forged')
    t.equal(await codes.guess('canary-subject', state), undefined)
    const mine = mintState()
    t.equal(await codes.claim('canary-subject', number, mine), mine)
  })

  test('a claim that ends while it is looked at lets the next message leave', async (t) => {
    const redis = await startRedis(t)
    const client = await connected(openRedisClient(t, [redis.url]))
    const codes = createRedisTypedCodes({ client, lifetimeSeconds: 300, digest })
    const [before, mine] = [mintState(), mintState()]
    await codes.claim('alice', number, before)
    t.equal(await codes.claim('alice', number, mine), before)
    client.get = async () => null
    t.equal(await codes.claim('alice', number, mine), mine)
  })

  test('a Redis that is away is store_unavailable, and is reported', async (t) => {
    const redis = await startRedis(t)
    const client = await connected(openRedisClient(t, [redis.url]))
    const failures: unknown[] = []
    const onFailure = (error: unknown) => void failures.push(error)
    const codes = createRedisTypedCodes({ client, lifetimeSeconds: 300, digest, onFailure })
    await redis.kill()
    const state = mintState()
    for (const failing of [
      () => codes.claim('alice', number, state),
      () => codes.unclaim('alice', number),
      () => codes.put('alice', state, pending),
      () => codes.guess('alice', state),
      () => codes.takeBack('alice', state),
      () => codes.end('alice', state),
    ])
      await rejectsWith(t, failing(), 'store_unavailable')
    t.equal(failures.length, 6)
  })
}
