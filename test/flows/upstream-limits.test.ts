/** What the service promises about its load on Vonage, in short; `npm run proof:upstream` measures the same for longer. */
import { test } from 'tap'
import { print, proveBreaker, proveGiantBody, proveQuota } from '../support/upstream-proofs.ts'
import { proveStorm } from '../support/upstream-storm.ts'

test('200 starts a second for 3 s: 10 in every sliding second, the rest refused, finishes untouched', async (t) => {
  t.comment(print(await proveQuota(t, { seconds: 3, startsPerSecond: 200, finishesPerSecond: 5 })))
})

test('1,000 parallel starts that get a 401 cause one new signature, and two calls each', async (t) => {
  t.comment(print(await proveStorm(t, 1000)))
})

test('answers of 100 MB are refused early, and nothing of them stays', async (t) => {
  const figures = await proveGiantBody(t, 10)
  t.comment(print(figures))
  t.ok(figures.p50Ms < 200)
})

test('5 failures open the circuit, nothing is sent while it is open, and it recovers by itself', async (t) => {
  t.comment(print(await proveBreaker(t, (advance) => advance(30_000))))
})
