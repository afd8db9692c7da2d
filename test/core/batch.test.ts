/** Nothing at once, everything at the end of the turn, each once and in order. */

import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { createBatch } from '../../src/core/batch.ts'

function setUp() {
  const handled: number[] = []
  return { handled, batch: createBatch<number>((item) => handled.push(item)) }
}

test('what is added is done at the end of the turn, in order and once', async (t) => {
  const { handled, batch } = setUp()
  for (const item of [1, 2, 3]) batch.add(item)
  await Promise.resolve()
  t.strictSame(handled, [])
  await setImmediate()
  t.strictSame(handled, [1, 2, 3])
  await setImmediate()
  t.strictSame(handled, [1, 2, 3])
})

test('each turn has its own', async (t) => {
  const { handled, batch } = setUp()
  batch.add(1)
  await setImmediate()
  batch.add(2)
  await setImmediate()
  t.strictSame(handled, [1, 2])
})

test('flush does at once what has gathered, and the turn does not do it again', async (t) => {
  const { handled, batch } = setUp()
  batch.add(1)
  batch.flush()
  t.strictSame(handled, [1])
  batch.add(2)
  await setImmediate()
  t.strictSame(handled, [1, 2])
})

test('what is added meanwhile is done in a turn of its own', async (t) => {
  const handled: number[] = []
  const batch = createBatch<number>((item) => {
    handled.push(item)
    if (item < 3) batch.add(item + 1)
  })
  batch.add(1)
  await setImmediate()
  t.strictSame(handled, [1])
  await setImmediate()
  await setImmediate()
  t.strictSame(handled, [1, 2, 3])
})
