/** A fault that lasts is told of once a minute, each kind for itself. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createOnceAMinute } from '../../src/core/once-a-minute.ts'
import { createFakeClock } from '../support/clock.ts'

test('each kind is due at once, and then after a minute', () => {
  const clock = createFakeClock()
  const isDue = createOnceAMinute(clock)
  assert.deepEqual([isDue('a'), isDue('a'), isDue('b'), isDue('b')], [true, false, true, false])
  clock.advance(59_999)
  assert.equal(isDue('a'), false)
  clock.advance(1)
  assert.deepEqual([isDue('a'), isDue('a')], [true, false])
})
