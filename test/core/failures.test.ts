/** What a failure carries for the log, and what it leaves out. */
import { test } from 'tap'
import { ServiceFailure } from '../../src/core/failures.ts'

test('a failure carries its code and what belongs in the log', async (t) => {
  const cause = new Error('connect ECONNREFUSED')
  const failure = new ServiceFailure('upstream_busy', { cause, note: 'status 429', retryAfterSeconds: 7 })
  t.ok(failure instanceof Error)
  t.equal(failure.name, 'ServiceFailure')
  t.equal(failure.code, 'upstream_busy')
  t.equal(failure.cause, cause)
  t.equal(failure.note, 'status 429')
  t.equal(failure.retryAfterSeconds, 7)
})

test('a failure without a context has none of its members', async (t) => {
  const failure = new ServiceFailure('internal')
  t.equal(failure.note, undefined)
  t.equal(failure.retryAfterSeconds, undefined)
  t.equal(Object.hasOwn(failure, 'cause'), false)
})

test('the message of a failure is its code, so that printing one prints nothing of its cause or note', async (t) => {
  const failure = new ServiceFailure('store_unavailable', { cause: new Error('redis://user:secret@host') })
  t.equal(String(failure), 'ServiceFailure: store_unavailable')
  t.notMatch(JSON.stringify(failure), /secret/)
})
