/** The queue before the account's quota: order, bounds, honest refusals. With a fake clock and permits by hand. */

import { setImmediate } from 'node:timers/promises'
import { t as file, test } from 'tap'
import { createLocalPermits, createQuota, type Permits } from '../../src/vonage/quota.ts'
import { createFakeClock } from '../support/clock.ts'
import { recordEvents, unobserved } from '../support/unobserved.ts'

const never = new AbortController().signal
// The queue's own timers do not hold the process.
const alive = setInterval(() => undefined, 1000)
file.teardown(() => clearInterval(alive))
const maxWaiting = 64

/** Permits that come when the test gives them; until then each asking is told to come again in a moment. */
function createManualPermits(againMs = 1) {
  let available = 0
  let taken = 0
  const paused: number[] = []
  const permits: Permits = {
    async take() {
      if (available === 0) return againMs
      available--
      taken++
      return 0
    },
    pause: async (ms) => void paused.push(ms),
  }
  return { permits, paused, taken: () => taken, give: (count: number) => (available += count) }
}

function openQuota({ perSecond = 1, maxWaitMs = Number.POSITIVE_INFINITY, againMs = 1 } = {}) {
  const clock = createFakeClock()
  const manual = createManualPermits(againMs)
  const { events, seen } = recordEvents()
  const quota = createQuota({ permits: manual.permits, perSecond, maxWaitMs, clock, events })
  return { ...manual, clock, quota, seen }
}

test('the queue', async (t) => {
  t.test('says how many wait and, when one gets its turn, for how long it did', async (t) => {
    const { quota, give, clock, seen } = openQuota()
    t.equal(quota.waiting(), 0)
    const waiters = [quota.acquire(never), quota.acquire(never)]
    t.equal(quota.waiting(), 2)
    clock.advance(1500)
    give(1)
    await waiters[0]
    t.equal(quota.waiting(), 1)
    clock.advance(500)
    give(1)
    await waiters[1]
    t.equal(quota.waiting(), 0)
    t.strictSame(seen, [
      { name: 'quota.waited', seconds: 1.5 },
      { name: 'quota.waited', seconds: 2 },
    ])
  })

  t.test('grants at once when a permit is there', async (t) => {
    const { quota, give, taken } = openQuota()
    give(2)
    t.equal(await quota.acquire(never), undefined)
    await setImmediate()
    t.equal(taken(), 1, 'and takes one only')
  })

  t.test('grants what needs no asking without a promise, and says that it took no time', async (t) => {
    const clock = createFakeClock()
    const { events, seen } = recordEvents()
    const permits = createLocalPermits({ perSecond: 1, clock })
    const quota = createQuota({ permits, perSecond: 1, maxWaitMs: 500, clock, events })
    t.equal(quota.acquire(never), undefined)
    t.equal(quota.acquire(never), 2, 'the next permit comes after more than a second')
    t.strictSame(seen, [{ name: 'quota.waited', seconds: 0 }])
  })

  t.test('is first come, first served', async (t) => {
    const { quota, give } = openQuota()
    const order: number[] = []
    const waiters = Array.from({ length: 20 }, async (_, index) => {
      await quota.acquire(never)
      order.push(index)
    })
    t.strictSame(order, [])
    give(20)
    await Promise.all(waiters)
    t.strictSame(
      order,
      Array.from({ length: 20 }, (_, index) => index),
    )
  })

  t.test('grants no more than there are permits', async (t) => {
    const { quota, give } = openQuota()
    let granted = 0
    const waiters = Array.from({ length: 5 }, async () => {
      await quota.acquire(never)
      granted++
    })
    give(2)
    await Promise.all(waiters.slice(0, 2))
    await setImmediate()
    t.equal(granted, 2)
    give(3)
    await Promise.all(waiters)
  })

  t.test('asks for one permit at a time, however many wait', async (t) => {
    let asked = 0
    const permits: Permits = { take: () => new Promise(() => asked++), pause: async () => {} }
    const quota = createQuota({
      ...unobserved,
      permits,
      perSecond: 1000,
      maxWaitMs: 1000,
      clock: createFakeClock(),
    })
    for (let waiter = 0; waiter < 5; waiter++) void quota.acquire(never)
    await setImmediate()
    t.equal(asked, 1)
  })

  t.test('holds 64, and refuses the next one at once', async (t) => {
    const { quota, give, taken } = openQuota({ perSecond: 1000 })
    const waiters = Array.from({ length: maxWaiting }, () => quota.acquire(never))
    t.equal(await quota.acquire(never), 1)
    give(maxWaiting)
    t.strictSame(await Promise.all(waiters), Array(maxWaiting).fill(undefined))
    give(1)
    t.equal(await quota.acquire(never), undefined)
    t.equal(taken(), maxWaiting + 1, 'refused is not granted later')
  })

  t.test('a cancelled waiter gives its place back at once, and takes no permit', async (t) => {
    const { quota, give, taken } = openQuota({ perSecond: 1000 })
    const leaving = new AbortController()
    const order: string[] = []
    const ask = async (name: string, signal = never) => {
      const refused = await quota.acquire(signal)
      order.push(`${name} ${refused ?? 'granted'}`)
    }
    const first = ask('first')
    const gone = ask('gone', leaving.signal)
    const last = ask('last')
    const others = Array.from({ length: maxWaiting - 3 }, () => quota.acquire(never))
    t.equal(await quota.acquire(never), 1, 'full')
    leaving.abort()
    await gone
    others.push(quota.acquire(never))
    give(maxWaiting)
    await Promise.all([first, last, ...others])
    t.strictSame(order, ['gone 1', 'first granted', 'last granted'])
    t.equal(taken(), maxWaiting)
  })

  t.test('a signal that has aborted already is refused without a wait, and takes no permit', async (t) => {
    const { quota, give, taken } = openQuota()
    give(1)
    t.equal(await quota.acquire(AbortSignal.abort()), 1)
    t.equal(taken(), 0)
  })

  t.test('a signal that aborts after the grant changes nothing', async (t) => {
    const { quota, give } = openQuota()
    const later = new AbortController()
    give(1)
    t.equal(await quota.acquire(later.signal), undefined)
    later.abort()
    give(1)
    t.equal(await quota.acquire(never), undefined)
  })

  t.test('runs dry and starts again', async (t) => {
    const { quota, give } = openQuota({ perSecond: 1000 })
    for (let round = 0; round < 3; round++) {
      const waiters = [quota.acquire(never), quota.acquire(never)]
      give(2)
      t.strictSame(await Promise.all(waiters), [undefined, undefined])
      await setImmediate()
    }
  })
})

test('a refusal', async (t) => {
  t.test('counts with the pace at which permits really come', async (t) => {
    const { quota, give, clock } = openQuota({ perSecond: 1000 })
    const waiters = Array.from({ length: maxWaiting }, () => quota.acquire(never))
    for (const waiter of waiters.slice(0, 2)) {
      clock.advance(1000)
      give(1)
      await waiter
    }
    waiters.push(quota.acquire(never), quota.acquire(never))
    // A fifth of the way to one a second, twice: 361 ms for each of the 64.
    t.equal(await quota.acquire(never), 24)
    give(maxWaiting)
    await Promise.all(waiters)
  })

  t.test('names the time until the next permit, and counts those who wait before', async (t) => {
    const { quota, clock, give } = openQuota({ perSecond: 0.5, maxWaitMs: 5000, againMs: 2200 })
    const leaving = new AbortController()
    t.teardown(() => leaving.abort())
    give(1)
    await quota.acquire(never)
    await setImmediate()
    // Spaced by 2.2 s: the next one is due then, the one after it in 4.4 s, and so on.
    void quota.acquire(leaving.signal)
    void quota.acquire(leaving.signal)
    t.equal(await quota.acquire(never), 7, '2.2 s and two who wait for 2.2 s each')
    clock.advance(1300)
    t.equal(await quota.acquire(never), 6)
  })

  t.test('comes only to who would wait longer than allowed', async (t) => {
    const { quota, clock, give } = openQuota({ perSecond: 10, maxWaitMs: 300 })
    const leaving = new AbortController()
    t.teardown(() => leaving.abort())
    give(1)
    await quota.acquire(never)
    const waiters = [quota.acquire(leaving.signal), quota.acquire(leaving.signal)]
    t.equal(await quota.acquire(never), 1, '330 ms')
    clock.advance(31)
    const third = quota.acquire(leaving.signal)
    give(3)
    t.strictSame(await Promise.all([...waiters, third]), [undefined, undefined, undefined])
  })

  t.test('during a pause names its end', async (t) => {
    const { quota, clock, paused } = openQuota({ perSecond: 10, maxWaitMs: 2500 })
    await quota.pause(7000)
    t.strictSame(paused, [7000], 'the permits know, for all replicas')
    t.equal(await quota.acquire(never), 7)
    clock.advance(2000)
    t.equal(await quota.acquire(never), 5)
  })

  t.test('a shorter pause does not end a longer one', async (t) => {
    const { quota } = openQuota({ perSecond: 10, maxWaitMs: 2500 })
    await quota.pause(7000)
    await quota.pause(1000)
    t.equal(await quota.acquire(never), 7)
  })

  t.test('of who gave up in the queue names the time until a new try pays', async (t) => {
    const clock = createFakeClock()
    const permits = createLocalPermits({ perSecond: 10, clock })
    const quota = createQuota({ ...unobserved, permits, perSecond: 10, maxWaitMs: 2500, clock })
    await quota.acquire(never)
    const leaving = new AbortController()
    const waiter = quota.acquire(leaving.signal)
    await setImmediate()
    await quota.pause(9000)
    clock.advance(1000)
    leaving.abort()
    // 8 s of the pause, and one place.
    t.equal(await waiter, 9)
  })
})

test('a pause holds those who already wait, and ends', async (t) => {
  const clock = createFakeClock()
  const quota = createQuota({
    ...unobserved,
    permits: createLocalPermits({ perSecond: 1000, clock }),
    perSecond: 1000,
    maxWaitMs: 60_000,
    clock,
  })
  await quota.pause(20)
  let granted = false
  const waiter = Promise.resolve(quota.acquire(never)).then(() => {
    granted = true
  })
  await setImmediate()
  t.equal(granted, false)
  clock.advance(20)
  await waiter
})
