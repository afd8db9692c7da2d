/** What every `Landings` promises: those that never come back are counted once, and nobody else is. */
import { type Test, test } from 'tap'
import type { EventSink } from '../../src/core/events.ts'
import type { Landings } from '../../src/core/ports.ts'
import { mintState } from '../../src/core/state.ts'
import { recordEvents } from './unobserved.ts'

export const ttlSeconds = 300

export interface OpenedLandings {
  landings: Landings
  /** Lets this time pass. */
  advance(ms: number): Promise<void> | void
}

export function landingsContract(
  name: string,
  open: (t: Test, events: EventSink) => Promise<OpenedLandings>,
): void {
  async function setUp(t: Test) {
    const { events, seen } = recordEvents()
    const opened = await open(t, events)
    const count = async () => {
      await opened.landings.countExpired()
      return seen.reduce((sum, event) => sum + ('count' in event ? event.count : 0), 0)
    }
    return { ...opened, seen, count }
  }
  /** More than the time itself: how late it is noticed is the implementation's matter. */
  const overMs = 1000 * ttlSeconds * 1.1

  test(name, async (t) => {
    t.test('a device that comes back is not counted', async (t) => {
      const { landings, advance, count } = await setUp(t)
      const state = mintState()
      landings.expect(state)
      landings.land(state)
      await count()
      await advance(overMs)
      t.equal(await count(), 0)
    })

    t.test('devices that do not are counted once, when their time is over and not before', async (t) => {
      const { landings, advance, count, seen } = await setUp(t)
      const states = [mintState(), mintState(), mintState()] as const
      for (const state of states) landings.expect(state)
      landings.land(states[1])
      await advance(1000 * ttlSeconds - 10_000)
      t.equal(await count(), 0)
      await advance(overMs)
      t.equal(await count(), 2)
      t.equal(await count(), 2)
      for (const { name } of seen) t.equal(name, 'verification.expired_without_landing')
    })

    t.test(
      'one that nobody expects is nothing, and neither is one that comes twice or too late',
      async (t) => {
        const { landings, advance, count } = await setUp(t)
        const state = mintState()
        landings.land(mintState())
        landings.expect(state)
        for (let times = 0; times < 2; times++) landings.land(state)
        await count()
        await advance(overMs)
        landings.land(state)
        t.equal(await count(), 0)
      },
    )

    t.test('the next start counts what has ended, without anybody asking', async (t) => {
      const { landings, advance, seen } = await setUp(t)
      landings.expect(mintState())
      await landings.countExpired()
      await advance(overMs)
      landings.expect(mintState())
      while (seen.length === 0) await new Promise(setImmediate)
      t.strictSame(seen, [{ name: 'verification.expired_without_landing', count: 1 }])
    })
  })
}
