/**
 * Measures for minutes what test/flows/upstream-limits.test.ts sees in seconds, and what takes longer than a test may.
 * For a quiet machine: the times are asserted. Run by `npm run proof:upstream`.
 */

import { setTimeout } from 'node:timers/promises'
import { test } from 'tap'
import { proveFlood } from '../test/support/upstream-flood.ts'
import { print, proveBreaker, proveGiantBody, proveQuota } from '../test/support/upstream-proofs.ts'
import { proveStorm } from '../test/support/upstream-storm.ts'

test('200 starts a second for 20 s, and 20 finishes a second', async (t) => {
  const figures = await proveQuota(t, { seconds: 20, startsPerSecond: 200, finishesPerSecond: 20 })
  t.comment(print(figures))
  t.ok(figures.refusalServerP99Ms < 50)
})

for (const [perSecond, maxInFlight, overMs] of [
  [10, 64, 4000],
  [1000, 512, 4000],
  [1000, 512, 0],
] as const)
  test(`5,000 parallel starts while Vonage hangs, within ${overMs} ms, with a quota of ${perSecond} a second`, async (t) => {
    t.comment(print(await proveFlood(t, { parallel: 5000, overMs, perSecond, maxInFlight })))
  })

test('1,000 parallel starts that get a 401', async (t) => {
  t.comment(print(await proveStorm(t, 1000)))
})

test('50 answers of 100 MB', async (t) => {
  const figures = await proveGiantBody(t, 50)
  t.comment(print(figures))
  t.ok(figures.maxMs < 200)
})

test('the circuit opens, and recovers after 30 real seconds', async (t) => {
  const figures = await proveBreaker(t, () => setTimeout(30_000))
  t.comment(print(figures))
  t.ok(figures.refusalServerP99Ms < 10)
})
