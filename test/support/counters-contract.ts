/** What every `Counters` of the rate limits promises, as one suite. Windows here are long, so that no real time matters. */
import { type Test, test } from 'tap'
import type { Counters } from '../../src/http/rate-limit.ts'

export interface CountersUnderTest {
  counters: Counters
  /** Lets so much time pass for the counters. */
  advance(ms: number): void | Promise<void>
  /** How much time may pass by itself. */
  slackMs: number
}

const minuteMs = 60_000

export function countersContract(
  name: string,
  createCounters: (t: Test) => Promise<CountersUnderTest>,
): void {
  function contract(promise: string, prove: (t: Test, setUp: CountersUnderTest) => Promise<void>): void {
    test(`${name}: ${promise}`, async (t) => prove(t, await createCounters(t)))
  }

  contract('count every hit of a key, and no others', async (t, { counters }) => {
    for (let n = 1; n <= 20; n++) {
      t.equal((await counters.hit('one', minuteMs)).hits, n)
      t.equal((await counters.hit(`other-${n}`, minuteMs)).hits, 1)
    }
  })

  contract('count 100 hits at the same time one by one', async (t, { counters }) => {
    const counted = await Promise.all(Array.from({ length: 100 }, () => counters.hit('one', minuteMs)))
    t.strictSame(
      counted.map(({ hits }) => hits).toSorted((a, b) => a - b),
      Array.from({ length: 100 }, (_, n) => n + 1),
    )
  })

  contract('tell the time to the end of the window, and begin anew there', async (t, setUp) => {
    const { counters, advance, slackMs } = setUp
    const { resetMs: atFirst } = await counters.hit('one', minuteMs)
    t.ok(atFirst > minuteMs - slackMs && atFirst <= minuteMs, `${atFirst} ms`)
    await advance(20_000)
    const { hits, resetMs } = await counters.hit('one', minuteMs)
    t.equal(hits, 2)
    t.ok(resetMs > 40_000 - slackMs && resetMs <= 40_000, `${resetMs} ms`)
    await advance(40_000)
    t.equal((await counters.hit('one', minuteMs)).hits, 1)
  })

  contract('let no hit put the end of the window off', async (t, { counters, advance }) => {
    for (let n = 0; n < 6; n++) {
      await counters.hit('one', minuteMs)
      await advance(10_000)
    }
    t.equal((await counters.hit('one', minuteMs)).hits, 1)
  })

  contract(
    'admit as many members as there are places, and those again and again',
    async (t, { counters }) => {
      const admitted = async (member: string, key = 'one') =>
        (await counters.admit(key, member, 3, minuteMs)).admitted
      const asked = ['a', 'b', 'a', 'c', 'd', 'e', 'a', 'b', 'c', 'd']
      const answers = []
      for (const member of asked) answers.push(await admitted(member))
      t.strictSame(answers, [true, true, true, true, false, false, true, true, true, false])
      t.equal(await admitted('d', 'another'), true, 'another set has places of its own')
    },
  )

  contract('admit no more than there are places among 50 at the same time', async (t, { counters }) => {
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => counters.admit('one', `member-${n}`, 3, minuteMs)),
    )
    t.equal(answers.filter(({ admitted }) => admitted).length, 3)
  })

  contract('tell when a set ends, whether it admits or not, and begin it anew there', async (t, setUp) => {
    const { counters, advance, slackMs } = setUp
    for (const [member, admitted, leftMs] of [
      ['a', true, 60_000],
      ['b', false, 40_000],
      ['a', true, 20_000],
    ] as const) {
      const answer = await counters.admit('one', member, 1, minuteMs)
      t.equal(answer.admitted, admitted)
      t.ok(answer.resetMs > leftMs - slackMs && answer.resetMs <= leftMs, `${answer.resetMs} ms`)
      await advance(20_000)
    }
    t.equal((await counters.admit('one', 'b', 1, minuteMs)).admitted, true)
    t.equal((await counters.admit('one', 'a', 1, minuteMs)).admitted, false)
  })
}
