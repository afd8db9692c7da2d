/** The Redis store in trouble: a Redis that hangs, dies, is full, may not be written, or lets nobody in. */

import { type Test, test } from 'tap'
import { mintState } from '../../src/core/state.ts'
import { describeError } from '../../src/observability/logger.ts'
import { createRedisStore } from '../../src/store/redis.ts'
import { rejectsWith } from '../support/failure.ts'
import { confirm } from '../support/must.ts'
import { openRedisClient, openRedisStore, settledAfterMs, untilItWorks } from '../support/redis-clients.ts'
import { contentsOf } from '../support/redis-contents.ts'
import { type RedisServer, redisMissing, startRedis } from '../support/redis-server.ts'
import { pendingVerification, resultOf } from '../support/state-store-contract.ts'
import { systemClock } from '../support/system-clock.ts'

/** How long an answer may take while Redis hangs: one command's 300 ms, and what two slow cores add. */
const patienceMs = 450
const recoveryMs = 2000
const pending = pendingVerification(1)
const options = { skip: redisMissing }

async function setUp(t: Test, settings: string[] = []) {
  const redis = await startRedis(t, { settings })
  return { redis, ...(await openRedisStore(t, [redis.url])) }
}

test('every call fails within 450 ms while Redis hangs, however many there are', options, async (t) => {
  const { redis, store } = await setUp(t)
  redis.freeze()
  const calls = Array.from({ length: 20 }, async (_, n) => {
    await new Promise((resolve) => setTimeout(resolve, n * 50))
    return settledAfterMs(rejectsWith(t, store.put('alice', mintState(), pending), 'store_unavailable'))
  })
  const slowest = Math.max(...(await Promise.all(calls)))
  t.ok(slowest < patienceMs, `${slowest} ms`)
  redis.thaw()
  const tookMs = await untilItWorks(() => store.ping(), recoveryMs)
  t.ok(tookMs < recoveryMs)
})

test('five calls in a row take no longer than one while Redis hangs', options, async (t) => {
  const { redis, store } = await setUp(t)
  redis.freeze()
  const startedAtMs = performance.now()
  for (let n = 0; n < 5; n++) await rejectsWith(t, store.ping(), 'store_unavailable')
  const tookMs = performance.now() - startedAtMs
  t.ok(tookMs < patienceMs, `${tookMs} ms`)
})

test('a state whose taking timed out is never handed out twice', options, async (t) => {
  for (const state of [mintState(), mintState(), mintState()]) {
    const { redis, store } = await setUp(t)
    await store.put('alice', state, pending)
    redis.freeze()
    await rejectsWith(t, store.take('alice', state), 'store_unavailable')
    redis.thaw()
    await untilItWorks(() => store.ping(), recoveryMs)
    t.equal(await store.take('alice', state), undefined, 'the late command took it')
  }
})

test(
  'a Redis that was killed and started again is used within 2 s, by the same client',
  options,
  async (t) => {
    const { redis, store } = await setUp(t)
    await store.put('alice', mintState(), pending)
    await redis.kill()
    for (let n = 0; n < 5; n++) {
      const failing = rejectsWith(t, store.take('alice', mintState()), 'store_unavailable')
      t.ok((await settledAfterMs(failing)) < 100, 'refused at once')
    }
    await new Promise((resolve) => setTimeout(resolve, 1000))
    await redis.start()
    const tookMs = await untilItWorks(() => store.ping(), recoveryMs)
    t.ok(tookMs < recoveryMs, `${tookMs} ms`)
    const state = mintState()
    await store.put('alice', state, pending)
    t.ok(await store.take('alice', state), 'its scripts are there again')
  },
)

test('a Redis that comes up after the service is used within 2 s', options, async (t) => {
  const redis = await startRedis(t)
  await redis.kill()
  const { client } = openRedisClient(t, [redis.url])
  const store = createRedisStore({
    client,
    ttlSeconds: 300,
    finishTimeoutMs: 10_000,
    maxPerCaller: 5,
    digest: (text) => text,
    clock: systemClock,
  })
  await rejectsWith(t, store.ping(), 'store_unavailable')
  await redis.start()
  t.ok((await untilItWorks(() => store.ping(), recoveryMs)) < recoveryMs)
})

test('scripts that Redis has forgotten are sent again', options, async (t) => {
  const { redis, store } = await setUp(t)
  const state = mintState()
  await store.put('alice', state, pending)
  await redis.command('SCRIPT', 'FLUSH')
  await store.put('alice', mintState(), pending)
  t.ok(await store.take('alice', state))
})

test('a full Redis refuses new verifications, and live ones can be finished', options, async (t) => {
  const { redis, store } = await setUp(t, ['--maxmemory-policy', 'noeviction'])
  const state = mintState()
  await store.put('alice', state, pending)
  await redis.command('CONFIG', 'SET', 'maxmemory', '1')
  await rejectsWith(t, store.put('alice', mintState(), pending), 'store_unavailable')
  t.equal(await store.ping(), undefined, 'it is still ready')
  const taken = await store.take('alice', state, 'a-code')
  confirm(t, taken)
  await rejectsWith(t, store.keepResult('alice', state, 'a-code', resultOf(true)), 'store_unavailable')
  taken.drop()
  t.equal(await store.ping(), undefined)
  t.strictSame(await contentsOf(redis), [], 'nothing half written')
  await redis.command('CONFIG', 'SET', 'maxmemory', '0')
  await store.put('alice', state, pending)
})

test('a Redis that may not be written is not ready, until it may be', options, async (t) => {
  const { redis, store } = await setUp(t)
  const master = await startRedis(t)
  await redis.command('REPLICAOF', '127.0.0.1', master.port)
  await rejectsWith(t, store.put('alice', mintState(), pending), 'store_unavailable')
  await rejectsWith(
    t,
    untilItWorks(() => store.ping(), 300),
    'store_unavailable',
  )
  await redis.command('REPLICAOF', 'NO', 'ONE')
  t.ok((await untilItWorks(() => store.ping(), recoveryMs)) < recoveryMs)
})

/** Makes a user `bff` with what it may do, and takes the default user's rights away. */
async function restrict({ command }: RedisServer, ...rules: string[]): Promise<void> {
  await command('ACL', 'SETUSER', 'bff', 'on', '>canary p@ss/word', ...rules)
  await command('ACL', 'SETUSER', 'default', 'resetpass', '>canary-admin')
}

test('a user with its own few rights is enough', options, async (t) => {
  const redis = await startRedis(t)
  await restrict(
    redis,
    '~nebff:*',
    '+@read',
    '+@write',
    '+@connection',
    '+eval',
    '+evalsha',
    '+time',
    '+info',
  )
  const url = `redis://bff:${encodeURIComponent('canary p@ss/word')}@127.0.0.1:${redis.port}`
  const { store } = await openRedisStore(t, [url])
  const state = mintState()
  await store.ping()
  await store.put('alice', state, pending)
  t.ok(await store.take('alice', state))
  await store.keepResult('alice', state, 'a-code', resultOf(true))
  t.strictSame(await store.findResult('alice', state, 'a-code'), resultOf(true))
})

for (const [kind, credentials] of [
  ['without a password', ''],
  ['with a wrong password', ':canary-wrong@'],
  ['with an unknown user', 'canary-user:canary-wrong@'],
])
  test(`a client ${kind} is refused, and no error says what it tried`, options, async (t) => {
    const redis = await startRedis(t)
    await restrict(redis)
    const { client, errors } = openRedisClient(t, [`redis://${credentials}127.0.0.1:${redis.port}`])
    const store = createRedisStore({
      client,
      ttlSeconds: 300,
      finishTimeoutMs: 10_000,
      maxPerCaller: 5,
      digest: (text) => text,
      clock: systemClock,
    })
    while (errors.length === 0) await new Promise((resolve) => client.once('error', resolve))
    const failure = await rejectsWith(t, store.ping(), 'store_unavailable')
    const logged = JSON.stringify([...errors, failure].map(describeError))
    t.ok(!logged.includes('canary'), logged)
  })
