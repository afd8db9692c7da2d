/** What is there already is used at once; what is not, when it has come. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { whenThere } from '../../src/core/soon.ts'

test('a value that is there is used at once', () => {
  assert.equal(
    whenThere(1, (value) => value + 1),
    2,
  )
})

test('a value that is still to come is used when it has come', async () => {
  const { promise, resolve } = Promise.withResolvers<number>()
  const used: number[] = []
  const result = whenThere(promise, (value) => used.push(value))
  assert.deepEqual(used, [])
  resolve(7)
  assert.equal(await result, 1)
  assert.deepEqual(used, [7])
})

test('what is made of it may itself be still to come', async () => {
  assert.equal(await whenThere(1, async (value) => value + 1), 2)
  assert.equal(await whenThere(Promise.resolve(1), async (value) => value + 1), 2)
})

test('a failure is the failure of the result', async () => {
  const failure = new Error('no')
  const fail = () => {
    throw failure
  }
  assert.throws(() => whenThere(1, fail), failure)
  await assert.rejects(Promise.resolve(whenThere(Promise.resolve(1), fail)), failure)
  await assert.rejects(Promise.resolve(whenThere(Promise.reject(failure), () => 1)), failure)
})
