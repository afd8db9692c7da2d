/** The Redis store: the contract of every store, and what whoever reads Redis can see. */
import { test } from 'tap'
import { mintState, resultKey } from '../../src/core/state.ts'
import { createFakeClock } from '../support/clock.ts'
import { rejectsWith } from '../support/failure.ts'
import { confirm, must } from '../support/must.ts'
import { openRedisStore } from '../support/redis-clients.ts'
import { contentsOf, passTime, watchRedis } from '../support/redis-contents.ts'
import { type Owner, redisMissing, startRedis } from '../support/redis-server.ts'
import { pendingVerification, resultOf, stateStoreContract } from '../support/state-store-contract.ts'

const canaries = {
  subject: 'canary-subject',
  code: 'canary-code',
  scope: 'canary-scope',
  number: '+99055500123',
}
const pending = pendingVerification(55500123, canaries.scope)
must(pending.phoneNumber.reveal() === canaries.number)

if (redisMissing) test('the Redis store', { skip: redisMissing }, async () => {})
else defineTests()

function defineTests(): void {
  stateStoreContract('Redis store', async (limits) => {
    const closers: (() => unknown)[] = []
    const owner: Owner = { teardown: (close) => void closers.unshift(close) }
    const redis = await startRedis(owner)
    const { store } = await openRedisStore(owner, [redis.url], limits)
    return {
      store,
      advance: (ms) => passTime(redis, ms),
      expirySlackMs: 2000,
      async close() {
        for (const close of closers) await close()
      },
    }
  })

  test('nothing that a flow is about is readable in Redis, at rest or on the way', async (t) => {
    const redis = await startRedis(t)
    const seen = await watchRedis(t, redis)
    const { store } = await openRedisStore(t, [redis.url])
    const [taken, kept] = [mintState(), mintState()]
    await store.put(canaries.subject, taken, pending)
    await store.put(canaries.subject, kept, pending)
    await store.take(canaries.subject, taken)
    await store.take('canary-stranger', kept)
    await store.keepResult(canaries.subject, taken, canaries.code, resultOf(true))
    await store.findResult(canaries.subject, taken, canaries.code)
    const entries = await contentsOf(redis)
    const onTheWay = seen.join('\n')
    t.equal(entries.length, 3)
    t.ok(onTheWay.includes('nebff:state:') && onTheWay.length > 1000, 'the commands were seen')
    const readable = JSON.stringify(entries) + onTheWay
    for (const secret of [...Object.values(canaries), 'canary', '99055500123', taken, kept])
      for (const form of formsOf(secret)) t.ok(!readable.includes(form), form)
  })

  test('every key has an end, and a shape that docs/state.md lists', async (t) => {
    const redis = await startRedis(t)
    const { store } = await openRedisStore(t, [redis.url], { ttlSeconds: 100 })
    const state = mintState()
    await store.put('alice', state, pending)
    await store.keepResult('alice', state, canaries.code, resultOf(false))
    const entries = await contentsOf(redis)
    const shapes = entries
      .map(
        ({ key, kind }) =>
          `${kind} ${key.replace(/:[A-Za-z0-9_-]{43}$/, ':H').replace(/:[A-Za-z0-9_-]{22}$/, ':D')}`,
      )
      .sort()
    t.strictSame(shapes, ['list nebff:states:D', 'string nebff:finished:H', 'string nebff:state:H'])
    for (const { key, ttlMs } of entries) {
      const longestMs = key.includes(':finished:') ? 60_000 : 100_000
      t.ok(ttlMs > longestMs - 2000 && ttlMs <= longestMs, `${key} ends in ${ttlMs} ms`)
    }
  })

  test('two callers, and two deployments, have nothing in common in their keys', async (t) => {
    const redis = await startRedis(t)
    const { store } = await openRedisStore(t, [redis.url])
    const state = mintState()
    await store.put('alice', state, pending)
    await store.put('bob', state, pending)
    const keys = (await contentsOf(redis)).map(({ key }) => key)
    const parts = keys.flatMap((key) => key.match(/[A-Za-z0-9_-]{22,}/g) ?? [])
    t.equal(keys.length, 4)
    t.equal(new Set(parts).size, 4, 'two digests of subjects, two hashes of the state')
  })

  test('a verification that was taken leaves nothing behind', async (t) => {
    const redis = await startRedis(t)
    const { store } = await openRedisStore(t, [redis.url])
    const state = mintState()
    await store.put('alice', state, pending)
    await store.take('alice', state)
    // Nobody waits for the list; the next answer on the same connection comes after it.
    await store.ping()
    t.strictSame(await contentsOf(redis), [])
  })

  test('a store with another private key takes what the first one put, and finds its results', async (t) => {
    const redis = await startRedis(t)
    const { store: before } = await openRedisStore(t, [redis.url], { secret: 'the old key' })
    const { store: after } = await openRedisStore(t, [redis.url], { secret: 'the new key' })
    const [state, other] = [mintState(), mintState()]
    await before.put('alice', state, pending)
    await before.keepResult('alice', other, canaries.code, resultOf(true))
    t.equal(await after.take('bob', state), undefined, "still nobody else's")
    t.equal((await after.take('alice', state))?.phoneNumber.reveal(), canaries.number)
    t.equal(await before.take('alice', state), undefined, 'and once')
    t.strictSame(await after.findResult('alice', other, canaries.code), resultOf(true))
  })

  test("a caller's list that cannot be written fails the next start, and not the finish", async (t) => {
    const redis = await startRedis(t)
    const { store } = await openRedisStore(t, [redis.url])
    const state = mintState()
    await store.put('alice', state, pending)
    const list = (await contentsOf(redis)).find(({ kind }) => kind === 'list')
    await redis.command('SET', list?.key ?? '', 'not a list')
    await rejectsWith(t, store.put('alice', mintState(), pending), 'store_unavailable')
    t.ok(await store.take('alice', state))
    await store.ping()
  })

  for (const [value, verified] of [
    ['1', true],
    ['0', false],
  ] as const)
    test(`a result ${value} that a former version kept is found for a while after the start, without a number`, async (t) => {
      const redis = await startRedis(t)
      const clock = createFakeClock()
      const { store } = await openRedisStore(t, [redis.url], { clock })
      const state = mintState()
      await redis.command('SET', `nebff:result:${resultKey('alice', state, canaries.code)}`, value)
      clock.advance(599_999)
      t.strictSame(await store.findResult('alice', state, canaries.code), { verified })
      t.equal(await store.findResult('bob', state, canaries.code), undefined)
      clock.advance(1)
      t.equal(await store.findResult('alice', state, canaries.code), undefined)
    })

  test('whoever writes to Redis forges no result', async (t) => {
    const redis = await startRedis(t)
    const { store } = await openRedisStore(t, [redis.url])
    const [state, other] = [mintState(), mintState()]
    await store.keepResult('alice', state, canaries.code, resultOf(false))
    await store.keepResult('mallory', other, canaries.code, resultOf(true))
    const keyOf = (subject: string, of: string) => `nebff:finished:${resultKey(subject, of, canaries.code)}`
    const own = await redis.command('GET', keyOf('mallory', other))
    for (const forged of [String(own), '1', '{"n":"+34600000001","v":true}', '']) {
      await redis.command('SET', keyOf('alice', state), forged)
      t.equal(await store.findResult('alice', state, canaries.code), undefined)
    }
  })

  test('whoever repeats a finish under way elsewhere waits for its result, and nobody else does', async (t) => {
    const redis = await startRedis(t)
    const { store: one } = await openRedisStore(t, [redis.url])
    const { store: other } = await openRedisStore(t, [redis.url])
    const state = mintState()
    await one.put('alice', state, pending)
    t.ok(await one.take('alice', state, canaries.code))
    for (const code of [canaries.code, 'another', undefined])
      t.equal(await other.take('alice', state, code), undefined)
    const waiting = other.findResult('alice', state, canaries.code)
    t.equal(await other.findResult('alice', state, 'another'), undefined)
    t.equal(await other.findResult('bob', state, canaries.code), undefined)
    await one.keepResult('alice', state, canaries.code, resultOf(true))
    t.strictSame(await waiting, resultOf(true))
  })

  test('who waits learns at once that there will be no result, and that the state is good again', async (t) => {
    const redis = await startRedis(t)
    const { store } = await openRedisStore(t, [redis.url])
    const state = mintState()
    await store.put('alice', state, pending)
    const taken = await store.take('alice', state, canaries.code)
    const waiting = store.findResult('alice', state, canaries.code)
    t.equal(await taken?.putBack(), true)
    t.equal(await waiting, undefined)
    const again = await store.take('alice', state, canaries.code)
    t.equal(again?.phoneNumber.reveal(), canaries.number)
    const waitingAgain = store.findResult('alice', state, canaries.code)
    again?.drop()
    t.equal(await waitingAgain, undefined)
    t.equal(await store.take('alice', state, canaries.code), undefined)
  })

  test('nobody waits longer than a finish takes, whatever stands in Redis', async (t) => {
    const redis = await startRedis(t)
    const clock = createFakeClock()
    const { store } = await openRedisStore(t, [redis.url], { clock })
    const state = mintState()
    await store.put('alice', state, pending)
    await store.take('alice', state, canaries.code)
    const [mark] = (await contentsOf(redis)).filter(({ key }) => key.includes(':state:'))
    t.ok(Number(await redis.command('PTTL', mark?.key ?? '')) <= 11_000)
    const waiting = store.findResult('alice', state, canaries.code)
    clock.advance(11_000)
    t.equal(await waiting, undefined)
  })

  test('a record that another key or version sealed is as good as unknown, and gone', async (t) => {
    const redis = await startRedis(t)
    const { store } = await openRedisStore(t, [redis.url])
    const state = mintState()
    await store.put('alice', state, pending)
    const [entry] = (await contentsOf(redis)).filter(({ key }) => key.includes(':state:'))
    confirm(t, entry)
    await redis.command('SET', entry.key, `Ag${entry.value.slice(2)}`)
    t.equal(await store.take('alice', state), undefined)
    t.equal(await redis.command('EXISTS', entry.key), 0)
    await redis.command('SET', entry.key, 'finishing:canary')
    t.equal(await store.take('alice', state, canaries.code), undefined)
  })
}

/** A secret as it might appear: plain, and in the encodings at hand. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret)
  return [secret, bytes.toString('hex'), bytes.toString('base64url').slice(0, -2)]
}
