/** Where state, limits and quota are kept without REDIS_URL: in this process. */
import { test } from 'tap'
import { mintState } from '../src/core/state.ts'
import { rejectsWith } from './support/failure.ts'
import { openStoresOf } from './support/open-stores.ts'
import { pendingVerification } from './support/state-store-contract.ts'

const pending = pendingVerification(1)

test('without REDIS_URL all is in this process, with the limits that the settings name', async (t) => {
  const settings = { STATE_MAX_ENTRIES: '2', STATE_MAX_PER_CALLER: '1', VONAGE_REQUESTS_PER_SECOND: '1' }
  const { store, counters, permits, log } = await openStoresOf(t, settings)
  const [dropped, kept] = [mintState(), mintState()]
  await store.put('alice', dropped, pending)
  await store.put('alice', kept, pending)
  await store.put('bob', mintState(), pending)
  await rejectsWith(t, store.put('carol', mintState(), pending), 'overloaded')
  t.equal(await store.take('alice', dropped), undefined)
  t.ok(await store.take('alice', kept))
  t.equal((await counters.hit('x', 1000)).hits, 1)
  t.equal(await permits.take(), 0)
  const waitMs = await permits.take()
  t.ok(waitMs > 100 && waitMs <= 1100, `${waitMs} ms`)
  t.strictSame(log.lines, [])
})

test('without REDIS_URL live states and devices that are out are counted in this process', async (t) => {
  const { store, landings, liveStates, seen } = await openStoresOf(t, { STATE_TTL_SECONDS: '10' })
  t.equal(liveStates(), 0)
  await store.put('alice', mintState(), pending)
  t.equal(liveStates(), 1)
  landings.expect(mintState())
  const laterMs = performance.now() + 20_000
  t.intercept(performance, 'now', { value: () => laterMs })
  await landings.countExpired()
  t.strictSame(seen, [{ name: 'verification.expired_without_landing', count: 1 }])
  t.equal(liveStates(), 0)
})
