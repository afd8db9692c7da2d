/** The provider's keys over time: refreshed behind the requests, kept through an outage, and not fetched for every unknown key. */

import { setImmediate } from 'node:timers/promises'
import type { JWK } from 'jose'
import { test } from 'tap'
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

test('a cold start', async (t) => {
  t.test('begins the first fetch without a request, and shares it between all that wait', async (t) => {
    const { cache, keys, find } = openKeyCache(t)
    cache.warm()
    t.equal(keys.count(), 1)
    await Promise.all([Promise.all(Array.from({ length: 100 }, () => find('a'))), keys.resolve([keyA])])
    t.equal(keys.count(), 1)
  })

  t.test('leaves no timer behind once the keys have come', async (t) => {
    const countTimers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length
    const timersBefore = countTimers()
    const { keys, find } = openKeyCache(t)
    await Promise.all([find('a'), keys.resolve([keyA])])
    t.equal(countTimers(), timersBefore)
  })

  t.test('refuses an unknown key of the first set without another fetch', async (t) => {
    const { keys, find } = openKeyCache(t)
    await Promise.all([isUnknown(t, find('b')), keys.resolve([keyA])])
    t.equal(keys.count(), 1)
  })

  t.test('says that the provider is unavailable, and why, until it answers', async (t) => {
    const { clock, keys, failures, find, failsToFetch, findsAtOnce } = openKeyCache(t)
    t.equal((await failsToFetch()).cause, outage)
    t.equal((await rejectsWith(t, find('a'), 'idp_unavailable')).cause, outage)
    t.equal(keys.count(), 1)
    t.strictSame(failures, [outage])
    clock.advance(second)
    await Promise.all([find('a'), keys.resolve([keyA])])
    await findsAtOnce(keyA)
    t.equal(keys.count(), 2)
  })

  t.test('tries again after 1, 2, 4, 4 … seconds', async (t) => {
    const { clock, keys, failsToFetch } = openKeyCache(t)
    await failsToFetch()
    for (const [index, delayMs] of [1000, 2000, 4000, 4000, 4000].entries()) {
      clock.advance(delayMs - 1)
      await failsToFetch()
      t.equal(keys.count(), index + 1)
      clock.advance(1)
      await failsToFetch()
      t.equal(keys.count(), index + 2)
    }
  })
})

test('a warm cache', async (t) => {
  t.test('does not fetch for 5 minutes, then refreshes once while it answers', async (t) => {
    const { clock, keys, findsAtOnce, find } = await openWarmKeyCache(t)
    clock.advance(5 * minute - 1)
    await findsAtOnce(keyA)
    t.equal(keys.count(), 1)
    clock.advance(1)
    await findsAtOnce(keyA)
    await findsAtOnce(keyA)
    t.equal(keys.count(), 2)
    await keys.resolve([keyB])
    await findsAtOnce(keyB)
    await Promise.all([isUnknown(t, find('a')), keys.resolve([keyB])])
    t.equal(keys.count(), 3)
  })

  t.test(
    'tries again after 1, 2, 4, 4 … seconds while it answers, and after 1 again once it worked',
    async (t) => {
      const { clock, keys, findsAtOnce } = await openWarmKeyCache(t)
      const failsBehind = async (afterMs: number, count: number) => {
        clock.advance(afterMs)
        await findsAtOnce(keyA)
        t.equal(keys.count(), count)
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
    },
  )

  t.test(
    'uses the last good set through an outage of just under 24 hours, then none until the next',
    async (t) => {
      const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
      for (let passedMs = 10 * minute; passedMs < 24 * hour; passedMs += 10 * minute) {
        clock.advance(10 * minute)
        await Promise.all([find('a'), keys.reject(outage)])
      }
      clock.advance(10 * minute - 1)
      await findsAtOnce(keyA)
      await keys.reject(outage)
      clock.advance(1)
      t.equal((await rejectsWith(t, find('a'), 'idp_unavailable')).cause, outage)
      clock.advance(4 * second)
      await Promise.all([find('a'), keys.resolve([keyA])])
      await findsAtOnce(keyA)
    },
  )

  t.test('keeps a good set when a bad one comes', async (t) => {
    const { clock, keys, findsAtOnce } = await openWarmKeyCache(t)
    const badSets: unknown[] = [undefined, null, {}, 'keys', [1], [null], [keyA, 'b']]
    for (const [index, bad] of badSets.entries()) {
      clock.advance(5 * minute)
      await findsAtOnce(keyA)
      t.equal(keys.count(), index + 2)
      await keys.resolve(bad as JWK[])
      await findsAtOnce(keyA)
    }
  })
})

test('a service that was idle for 10 minutes', async (t) => {
  t.test('waits for a refresh, and not before, so that a removed key stops working', async (t) => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
    clock.advance(10 * minute - 1)
    await findsAtOnce(keyA)
    clock.advance(1)
    const refused = isUnknown(t, find('a'))
    await keys.resolve([keyB])
    await Promise.all([refused, keys.resolve([keyB])])
    t.equal(keys.count(), 3, 'the first was asked for before the token came')
  })

  t.test('waits for one failed refresh only', async (t) => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
    clock.advance(10 * minute)
    await Promise.all([find('a'), keys.reject(outage)])
    clock.advance(second)
    await findsAtOnce(keyA)
    t.equal(keys.count(), 3)
  })
})

test('an unknown key', async (t) => {
  t.test('is fetched for at once, then after 5 seconds, however often it brought nothing', async (t) => {
    const { clock, keys, find } = await openWarmKeyCache(t)
    clock.advance(1)
    for (let fetches = 2; fetches < 20; fetches++) {
      await Promise.all([isUnknown(t, find('made up')), keys.resolve([keyA])])
      await mustWait(t, find('b'), 5)
      clock.advance(1001)
      await mustWait(t, find('b'), 4)
      clock.advance(3998)
      await mustWait(t, find('b'), 1)
      t.equal(keys.count(), fetches)
      clock.advance(1)
    }
    await Promise.all([find('b'), keys.resolve([keyA, keyB])])
  })

  t.test('is good as soon as the provider has it', async (t) => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
    clock.advance(second)
    await Promise.all([isUnknown(t, find('b')), keys.resolve([keyA])])
    clock.advance(5 * second)
    await Promise.all([find('b'), keys.resolve([keyA, keyB])])
    await findsAtOnce(keyB)
    await findsAtOnce(keyA)
    t.equal(keys.count(), 3)
  })

  t.test(
    'may have been published after the fetch under way began: it must wait, and is not refused',
    async (t) => {
      const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
      clock.advance(second)
      const madeUp = isUnknown(t, find('made up'))
      await setImmediate()
      clock.advance(second)
      const published = mustWait(t, find('b'), 4)
      await keys.resolve([keyA])
      await Promise.all([madeUp, published])
      clock.advance(4 * second)
      await Promise.all([find('b'), keys.resolve([keyA, keyB])])
      await findsAtOnce(keyB)
    },
  )

  t.test('joins the fetch under way, which may bring it', async (t) => {
    const { clock, keys, find } = await openWarmKeyCache(t)
    clock.advance(second)
    const madeUp = isUnknown(t, find('made up'))
    await setImmediate()
    clock.advance(second)
    await Promise.all([find('b'), keys.resolve([keyA, keyB]), madeUp])
    t.equal(keys.count(), 2)
  })

  t.test('is asked for after a refresh that began before the token came and did not bring it', async (t) => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
    clock.advance(5 * minute)
    await findsAtOnce(keyA)
    clock.advance(1)
    const found = find('b')
    await keys.resolve([keyA])
    t.equal(keys.count(), 3)
    await Promise.all([found, keys.resolve([keyA, keyB])])
  })

  t.test('costs one fetch in 5 seconds however often it comes, and delays no good token', async (t) => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
    const flood = (finding: (kid: string) => Promise<unknown>) =>
      Promise.all(Array.from({ length: 1000 }, (_, n) => finding(`unknown ${n}`)))
    clock.advance(5 * second)
    // All of them came before the provider was asked.
    const firstWave = flood((kid) => isUnknown(t, find(kid)))
    await setImmediate()
    await findsAtOnce(keyA)
    await keys.resolve([keyA])
    await firstWave
    for (let wave = 1; wave < 5; wave++) {
      clock.advance(second)
      await flood((kid) => mustWait(t, find(kid), 5 - wave))
      await findsAtOnce(keyA)
    }
    t.equal(keys.count(), 2)
    clock.advance(second)
    await Promise.all([isUnknown(t, find('unknown')), keys.resolve([keyA])])
    t.equal(keys.count(), 3)
  })

  t.test(
    'is no bad token while the provider cannot be asked, and is not fetched for during the back-off',
    async (t) => {
      const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
      clock.advance(5 * second)
      const refused = rejectsWith(t, find('b'), 'idp_unavailable')
      await keys.reject(outage)
      t.equal((await refused).cause, outage)
      clock.advance(second - 1)
      await mustWait(t, find('b'), 1)
      t.equal(keys.count(), 2)
      await findsAtOnce(keyA)
      clock.advance(1)
      const again = mustWait(t, find('b'), 2)
      await keys.reject(outage)
      await again
      clock.advance(2 * second)
      await Promise.all([find('b'), keys.resolve([keyA, keyB])])
    },
  )
})

test('a provider that hangs', { jobs: 8 }, async (t) => {
  t.test('holds a cold start up for a second, and its late answer is used', async (t) => {
    const { keys, find, findsAtOnce } = openKeyCache(t)
    await takesOneSecond(t, rejectsWith(t, find('a'), 'idp_unavailable'))
    await keys.resolve([keyA])
    await findsAtOnce(keyA)
    t.equal(keys.count(), 1)
  })

  t.test('does not hold up known keys, and unknown ones for a second', async (t) => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
    clock.advance(6 * minute)
    await findsAtOnce(keyA)
    await takesOneSecond(t, rejectsWith(t, find('b'), 'idp_unavailable'))
    await findsAtOnce(keyA)
    t.equal(keys.count(), 2)
  })

  t.test('holds up the first requests of a service that was idle for a second', async (t) => {
    const { clock, keys, find, findsAtOnce } = await openWarmKeyCache(t)
    clock.advance(10 * minute)
    await takesOneSecond(t, find('a'))
    await keys.reject(outage)
    await findsAtOnce(keyA)
  })
})

test('tells the age of the keys in use, and nothing while there are none', async (t) => {
  const { cache, clock, keys } = openKeyCache(t)
  t.equal(cache.ageSeconds(), undefined)
  cache.warm()
  await keys.resolve([keyA])
  clock.advance(90_500)
  t.equal(cache.ageSeconds(), 90.5)
})

for (const asleepMs of [10 * minute, 40 * 24 * hour])
  test(`after ${asleepMs / minute} minutes of sleep, which the wall clock alone saw, the keys are fetched before they are used`, async (t) => {
    const { clock, keys, find } = await openWarmKeyCache(t)
    clock.jumpWall(asleepMs)
    await Promise.all([isUnknown(t, find('a')), keys.resolve([keyB])])
  })

test('the wall clock set back makes no key younger', async (t) => {
  const { cache, clock, keys, findsAtOnce } = await openWarmKeyCache(t)
  clock.jumpWall(-hour)
  clock.advance(5 * minute)
  t.equal(cache.ageSeconds(), 300)
  await findsAtOnce(keyA)
  t.equal(keys.count(), 2)
})
