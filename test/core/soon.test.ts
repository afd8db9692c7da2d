/** What is there already is used at once; what is not, when it has come. */
import { test } from 'tap'
import { whenThere } from '../../src/core/soon.ts'

test('a value that is there is used at once', async (t) => {
  t.equal(
    whenThere(1, (value) => value + 1),
    2,
  )
})

test('a value that is still to come is used when it has come', async (t) => {
  const { promise, resolve } = Promise.withResolvers<number>()
  const used: number[] = []
  const result = whenThere(promise, (value) => used.push(value))
  t.strictSame(used, [])
  resolve(7)
  t.equal(await result, 1)
  t.strictSame(used, [7])
})

test('what is made of it may itself be still to come', async (t) => {
  t.equal(await whenThere(1, async (value) => value + 1), 2)
  t.equal(await whenThere(Promise.resolve(1), async (value) => value + 1), 2)
})

test('a failure is the failure of the result', async (t) => {
  const failure = new Error('no')
  const fail = () => {
    throw failure
  }
  t.throws(() => whenThere(1, fail), failure)
  await t.rejects(Promise.resolve(whenThere(Promise.resolve(1), fail)), failure)
  await t.rejects(Promise.resolve(whenThere(Promise.reject(failure), () => 1)), failure)
})
