/** What a key cache makes of an outage that outlived its keys, and of several keys that fit. */
import { test } from 'tap'
import { rejectsWith } from '../support/failure.ts'
import { keyA, keyB, openWarmKeyCache, outage } from '../support/key-cache.ts'

const second = 1000
const minute = 60 * second

test('keys that are too old to be used do not make a service wait longer than one without keys', async (t) => {
  const { clock, keys, find, failsToFetch } = await openWarmKeyCache(t)
  clock.advance(24 * 60 * minute)
  await failsToFetch()
  for (const delayMs of [1 * second, 2 * second, 4 * second, 4 * second]) {
    clock.advance(delayMs - 1)
    await rejectsWith(t, find('a'), 'idp_unavailable')
    clock.advance(1)
    const failing = rejectsWith(t, find('a'), 'idp_unavailable')
    await keys.reject(outage)
    await failing
  }
  clock.advance(4 * second)
  await Promise.all([find('a'), keys.resolve([keyA])])
})

test('a token that two keys could have signed is no reason to ask the provider', async (t) => {
  const { cache, clock, keys, find } = await openWarmKeyCache(t)
  clock.advance(5 * second)
  await Promise.all([find('b'), keys.resolve([keyA, keyB])])
  clock.advance(60 * second)
  const withoutKid = async () => cache.find({ alg: 'ES256' }, { payload: '', signature: '' })
  await t.rejects(withoutKid(), { code: 'ERR_JWKS_MULTIPLE_MATCHING_KEYS' })
  t.equal(keys.count(), 2)
})
