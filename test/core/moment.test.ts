/** Ages by both clocks. */
import { test } from 'tap'
import { elapsedMs, momentOf } from '../../src/core/moment.ts'
import { createFakeClock } from '../support/clock.ts'

test('the older of both clocks counts, so that sleep does, and a clock set back makes nothing younger', async (t) => {
  const clock = createFakeClock()
  const then = momentOf(clock)
  t.equal(elapsedMs(clock, then), 0)
  clock.advance(1000)
  t.equal(elapsedMs(clock, then), 1000)
  clock.jumpWall(3_600_000)
  t.equal(elapsedMs(clock, then), 3_601_000)
  clock.jumpWall(-7_200_000)
  t.equal(elapsedMs(clock, then), 1000)
})
