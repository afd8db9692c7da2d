/** The provider's keys over time: refreshed behind the requests, kept through an outage, and not fetched for every unknown key. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import type { JWK } from 'jose'
import { rejectsWith } from '../support/failure.ts'
import {
  isUnknown,
  keyA,
  keyB,
  mustWait,
  openKeyCache,
  openWarmKeyCache,
  outage,
  takesOneSecond,
} from '../support/key-cache.ts'

const second = 1000
const minute = 60 * second
const hour = 60 * minute

describe('a cold start', () => {
  test('begins the first fetch without a request, and shares it between all that wait', async () => {
    const { cache, keys, find } = openKeyCache()
    cache.warm()
    assert.equal(keys.count(), 1)
    await Promise.all([Promise.all(Array.from({ length: 100 }, () => find('a'))), keys.resolve([keyA])])
    assert.equal(keys.count(), 1)
  })

  test('leaves no timer behind once the keys have come', async () => {
    const countTimers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const timersBefore = countTimers()
    const { keys, find } = openKeyCache()
    await Promise.all([find('a'), keys.resolve([keyA])])
    assert.equal(countTimers(), timersBefore)
  })

  test('refuses an unknown key of the first set without another fetch', async () => {
    const { keys, find } = openKeyCache()
    await Promise.all([isUnknown(find('b')), keys.resolve([keyA])])
    assert.equal(keys.count(), 1)
  })

  test('says that the provider is unavailable, and why, until it answers', async () => {
    const { clock, keys, failures, find, failsToFetch, findsAtOnce } = openKeyCache()
    assert.equal((await failsToFetch()).cause, outage)
    assert.equal((await rejectsWith(find('a'), 'idp_unavailable')).cause, outage)
    assert.equal(keys.count(), 1)
    assert.deepEqual(failures, [outage])
    clock.advance(second)
    await Promise.all([find('a'), keys.resolve([keyA])])
    await findsAtOnce(keyA)
    assert.equal(keys.count(), 2)
  })

  test('tries again after 1, 2, 4, 4 … seconds', async () => {
    const { clock, keys, failsToFetch } = openKeyCache()
    await failsToFetch()
    for (const [index, delayMs] of [1000, 2000, 4000, 4000, 4000].entries()) {
      clock.advance(delayMs - 1)
      await failsToFetch()
      assert.equal(keys.count(), index + 1)
      clock.advance(1)
      await failsToFetch()
      assert.equal(keys.count(), index + 2)
    }
  })
})

describe('a warm cache', () => {
  test('does not fetch for 5 minutes, then refreshes once while it answers', async () => {
    const { clock, keys, findsAtOnce, find } = await openWarmKeyCache()
    clock.advance(5 * minute - 1)
    await findsAtOnce(keyA)
    assert.equal(keys.count(), 1)
    clock.advance(1)
    await findsAtOnce(keyA)
    await findsAtOnce(keyA)
    assert.equal(keys.count(), 2)
    await keys.resolve([keyB])
    await findsAtOnce(keyB)
    await Promise.all([isUnknown(find('a')), keys.resolve([keyB])])
    assert.equal(keys.count(), 3)
  })

  test('tries again after 1, 2, 4, 4 … seconds while it answers, and after 1 again once it worked', async () => {
    const { clock, keys, findsAtOnce } = await openWarmKeyCache()
    const failsBehind = async (afterMs: number, count: number) => {
      clock.advance(afterMs)
      await findsAtOnce(keyA)
      assert.equal(keys.count(), count)
      await keys.reject(outage)
    }
    await failsBehind(5 * minute, 2)
    let count = 2
    for (const delayMs of [1000, 2000, 4000, 4000, 4000]) {
      await failsBehind(delayMs - 1, count)
      await failsBehind(1, ++count)
    }
    clock.advance(4000)
    await findsAtOnce(keyA)
    await keys.resolve([keyA])
    await failsBehind(5 * minute, count + 2)
    await failsBehind(second - 1, count + 2)
    await failsBehind(1, count + 3)
  })

  test('uses the last good set through an outage of just under 24 hours, then none until the next', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    for (let passedMs = 10 * minute; passedMs < 24 * hour; passedMs += 10 * minute) {
      clock.advance(10 * minute)
      await Promise.all([find('a'), keys.reject(outage)])
    }
    clock.advance(10 * minute - 1)
    await findsAtOnce(keyA)
    await keys.reject(outage)
    clock.advance(1)
    assert.equal((await rejectsWith(find('a'), 'idp_unavailable')).cause, outage)
    clock.advance(4 * second)
    await Promise.all([find('a'), keys.resolve([keyA])])
    await findsAtOnce(keyA)
  })

  test('keeps a good set when a bad one comes', async () => {
    const { clock, keys, findsAtOnce } = await openWarmKeyCache()
    const badSets: unknown[] = [undefined, null, {}, 'keys', [1], [null], [keyA, 'b']]
    for (const [index, bad] of badSets.entries()) {
      clock.advance(5 * minute)
      await findsAtOnce(keyA)
      assert.equal(keys.count(), index + 2)
      await keys.resolve(bad as JWK[])
      await findsAtOnce(keyA)
    }
  })
})

describe('a service that was idle for 10 minutes', () => {
  test('waits for a refresh, and not before, so that a removed key stops working', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    clock.advance(10 * minute - 1)
    await findsAtOnce(keyA)
    clock.advance(1)
    const refused = isUnknown(find('a'))
    await keys.resolve([keyB])
    await Promise.all([refused, keys.resolve([keyB])])
    assert.equal(keys.count(), 3, 'the first was asked for before the token came')
  })

  test('waits for one failed refresh only', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    clock.advance(10 * minute)
    await Promise.all([find('a'), keys.reject(outage)])
    clock.advance(second)
    await findsAtOnce(keyA)
    assert.equal(keys.count(), 3)
  })
})

describe('an unknown key', () => {
  test('is fetched for at once, then after 5 seconds, however often it brought nothing', async () => {
    const { clock, keys, find } = await openWarmKeyCache()
    clock.advance(1)
    for (let fetches = 2; fetches < 20; fetches++) {
      await Promise.all([isUnknown(find('made up')), keys.resolve([keyA])])
      await mustWait(find('b'), 5)
      clock.advance(1001)
      await mustWait(find('b'), 4)
      clock.advance(3998)
      await mustWait(find('b'), 1)
      assert.equal(keys.count(), fetches)
      clock.advance(1)
    }
    await Promise.all([find('b'), keys.resolve([keyA, keyB])])
  })

  test('is good as soon as the provider has it', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    clock.advance(second)
    await Promise.all([isUnknown(find('b')), keys.resolve([keyA])])
    clock.advance(5 * second)
    await Promise.all([find('b'), keys.resolve([keyA, keyB])])
    await findsAtOnce(keyB)
    await findsAtOnce(keyA)
    assert.equal(keys.count(), 3)
  })

  test('may have been published after the fetch under way began: it must wait, and is not refused', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    clock.advance(second)
    const madeUp = isUnknown(find('made up'))
    await setImmediate()
    clock.advance(second)
    const published = mustWait(find('b'), 4)
    await keys.resolve([keyA])
    await Promise.all([madeUp, published])
    clock.advance(4 * second)
    await Promise.all([find('b'), keys.resolve([keyA, keyB])])
    await findsAtOnce(keyB)
  })

  test('joins the fetch under way, which may bring it', async () => {
    const { clock, keys, find } = await openWarmKeyCache()
    clock.advance(second)
    const madeUp = isUnknown(find('made up'))
    await setImmediate()
    clock.advance(second)
    await Promise.all([find('b'), keys.resolve([keyA, keyB]), madeUp])
    assert.equal(keys.count(), 2)
  })

  test('is asked for after a refresh that began before the token came and did not bring it', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    clock.advance(5 * minute)
    await findsAtOnce(keyA)
    clock.advance(1)
    const found = find('b')
    await keys.resolve([keyA])
    assert.equal(keys.count(), 3)
    await Promise.all([found, keys.resolve([keyA, keyB])])
  })

  test('costs one fetch in 5 seconds however often it comes, and delays no good token', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    const flood = (finding: (kid: string) => Promise<void>) =>
      Promise.all(Array.from({ length: 1000 }, (_, n) => finding(`unknown ${n}`)))
    clock.advance(5 * second)
    // All of them came before the provider was asked.
    const firstWave = flood((kid) => isUnknown(find(kid)))
    await setImmediate()
    await findsAtOnce(keyA)
    await keys.resolve([keyA])
    await firstWave
    for (let wave = 1; wave < 5; wave++) {
      clock.advance(second)
      await flood((kid) => mustWait(find(kid), 5 - wave))
      await findsAtOnce(keyA)
    }
    assert.equal(keys.count(), 2)
    clock.advance(second)
    await Promise.all([isUnknown(find('unknown')), keys.resolve([keyA])])
    assert.equal(keys.count(), 3)
  })

  test('is no bad token while the provider cannot be asked, and is not fetched for during the back-off', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    clock.advance(5 * second)
    const refused = rejectsWith(find('b'), 'idp_unavailable')
    await keys.reject(outage)
    assert.equal((await refused).cause, outage)
    clock.advance(second - 1)
    await mustWait(find('b'), 1)
    assert.equal(keys.count(), 2)
    await findsAtOnce(keyA)
    clock.advance(1)
    const again = mustWait(find('b'), 2)
    await keys.reject(outage)
    await again
    clock.advance(2 * second)
    await Promise.all([find('b'), keys.resolve([keyA, keyB])])
  })
})

describe('a provider that hangs', { concurrency: true }, () => {
  test('holds a cold start up for a second, and its late answer is used', async () => {
    const { keys, find, findsAtOnce } = openKeyCache()
    await takesOneSecond(rejectsWith(find('a'), 'idp_unavailable'))
    await keys.resolve([keyA])
    await findsAtOnce(keyA)
    assert.equal(keys.count(), 1)
  })

  test('does not hold up known keys, and unknown ones for a second', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    clock.advance(6 * minute)
    await findsAtOnce(keyA)
    await takesOneSecond(rejectsWith(find('b'), 'idp_unavailable'))
    await findsAtOnce(keyA)
    assert.equal(keys.count(), 2)
  })

  test('holds up the first requests of a service that was idle for a second', async () => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache()
    clock.advance(10 * minute)
    await takesOneSecond(find('a'))
    await keys.reject(outage)
    await findsAtOnce(keyA)
  })
})

test('tells the age of the keys in use, and nothing while there are none', async () => {
  const { cache, clock, keys } = openKeyCache()
  assert.equal(cache.ageSeconds(), undefined)
  cache.warm()
  await keys.resolve([keyA])
  clock.advance(90_500)
  assert.equal(cache.ageSeconds(), 90.5)
})

for (const asleepMs of [10 * minute, 40 * 24 * hour])
  test(`after ${asleepMs / minute} minutes of sleep, which the wall clock alone saw, the keys are fetched before they are used`, async () => {
    const { clock, keys, find } = await openWarmKeyCache()
    clock.jumpWall(asleepMs)
    await Promise.all([isUnknown(find('a')), keys.resolve([keyB])])
  })

test('the wall clock set back makes no key younger', async () => {
  const { cache, clock, keys, findsAtOnce } = await openWarmKeyCache()
  clock.jumpWall(-hour)
  clock.advance(5 * minute)
  assert.equal(cache.ageSeconds(), 300)
  await findsAtOnce(keyA)
  assert.equal(keys.count(), 2)
})
