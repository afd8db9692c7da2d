/**
 * The pace of the account's quota. The bound in every sliding second is measured in real time, since it is the timers' jitter
 * that could break it; the spacing is exact, with a fake clock.
 */
import { t as file, test } from 'tap'
import type { Clock } from '../../src/core/ports.ts'
import { createLocalPermits, createQuota, spacingMs } from '../../src/vonage/quota.ts'
import { createFakeClock } from '../support/clock.ts'
import { unobserved } from '../support/unobserved.ts'

const realClock: Clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }
const never = new AbortController().signal
// The queue's own timers do not hold the process.
const alive = setInterval(() => undefined, 1000)
file.teardown(() => clearInterval(alive))
/** As many as the queue holds. */
const burstSize = 64

test('the local permits', async (t) => {
  const setUp = (perSecond = 10) => {
    const clock = createFakeClock()
    return { clock, permits: createLocalPermits({ perSecond, clock }) }
  }

  t.test('are spaced by a tenth more than the quota asks', async (t) => {
    t.ok(Math.abs(spacingMs(10) - 110) < 1e-9)
    const { clock, permits } = setUp()
    t.equal(await permits.take(), 0)
    t.ok(Math.abs((await permits.take()) - 110) < 1e-9)
    clock.advance(109)
    t.ok((await permits.take()) > 0)
    clock.advance(1.001)
    t.equal(await permits.take(), 0)
  })

  t.test('are not saved up while nobody takes them', async (t) => {
    const { clock, permits } = setUp()
    await permits.take()
    clock.advance(60_000)
    t.equal(await permits.take(), 0)
    t.ok((await permits.take()) > 0)
  })

  t.test('do not depend on the wall clock', async (t) => {
    const { clock, permits } = setUp()
    await permits.take()
    clock.jumpWall(3_600_000)
    t.ok((await permits.take()) > 0)
    clock.jumpWall(-7_200_000)
    clock.advance(111)
    t.equal(await permits.take(), 0)
  })

  t.test('stop for a pause, which a shorter one does not end', async (t) => {
    const { clock, permits } = setUp()
    await permits.pause(5000)
    await permits.pause(1000)
    t.equal(await permits.take(), 5000)
    clock.advance(5000)
    t.equal(await permits.take(), 0)
  })
})

test('the sliding second, in real time', async (t) => {
  t.test('never holds more than the quota, for a burst and for a steady crowd', async (t) => {
    const perSecond = 100
    const quota = createQuota({
      ...unobserved,
      permits: createLocalPermits({ perSecond, clock: realClock }),
      perSecond,
      maxWaitMs: 10_000,
      clock: realClock,
    })
    const grantedAtMs: number[] = []
    async function ask(): Promise<void> {
      if ((await quota.acquire(never)) === undefined) grantedAtMs.push(performance.now())
    }
    const burst = Array.from({ length: burstSize }, ask)
    const endMs = performance.now() + 1300
    while (performance.now() < endMs) await ask()
    await Promise.all(burst)

    const fullest = Math.max(
      ...grantedAtMs.map((fromMs) => grantedAtMs.filter((ms) => ms >= fromMs && ms < fromMs + 1000).length),
    )
    t.ok(fullest <= perSecond, `${fullest} in one second`)
    t.ok(fullest > 0.6 * perSecond, `only ${fullest} in a second`)
  })
})
