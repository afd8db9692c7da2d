/** A fault that lasts is told of once a minute, each kind for itself. */
import { test } from 'tap'
import { createOnceAMinute } from '../../src/core/once-a-minute.ts'
import { createFakeClock } from '../support/clock.ts'

test('each kind is due at once, and then after a minute', async (t) => {
  const clock = createFakeClock()
  const isDue = createOnceAMinute(clock)
  t.strictSame([isDue('a'), isDue('a'), isDue('b'), isDue('b')], [true, false, true, false])
  clock.advance(59_999)
  t.equal(isDue('a'), false)
  clock.advance(1)
  t.strictSame([isDue('a'), isDue('a')], [true, false])
})
