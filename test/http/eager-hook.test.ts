/** A hook is done within its own call where nothing is awaited, and refuses alike whether it throws or rejects. */

import { setImmediate } from 'node:timers/promises'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { test } from 'tap'
import { eagerHook } from '../../src/http/eager-hook.ts'

const [request, reply] = [{} as FastifyRequest, {} as FastifyReply]
const failure = new Error('no')

/** What the hook is done with: one entry for each time. */
function call(run: () => unknown): unknown[] {
  const ends: unknown[] = []
  eagerHook(run)(request, reply, (...args) => ends.push(args))
  return ends
}

test('is done at once when nothing is awaited', async (t) => {
  t.strictSame(
    call(() => 'anything'),
    [[]],
  )
})

test('is done when its promise is', async (t) => {
  const { promise, resolve } = Promise.withResolvers<string>()
  const ends = call(() => promise)
  t.strictSame(ends, [])
  resolve('anything')
  await setImmediate()
  t.strictSame(ends, [[]])
})

test('refuses with what it throws, and with what its promise rejects with', async (t) => {
  t.strictSame(
    call(() => {
      throw failure
    }),
    [[failure]],
  )
  const rejecting = call(async () => {
    throw failure
  })
  await setImmediate()
  t.strictSame(rejecting, [[failure]])
})

test('what fails after it is not its own failure', async (t) => {
  const app = fastify()
  t.teardown(() => app.close())
  let ran = 0
  app.addHook(
    'onRequest',
    eagerHook(() => ran++),
  )
  app.get('/', async () => {
    throw failure
  })
  t.equal((await app.inject('/')).statusCode, 500)
  t.equal(ran, 1)
})
