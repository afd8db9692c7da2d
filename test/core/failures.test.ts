/** What a failure carries for the log, and what it leaves out. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceFailure } from '../../src/core/failures.ts'

test('a failure carries its code and what belongs in the log', () => {
  const cause = new Error('connect ECONNREFUSED')
  const failure = new ServiceFailure('upstream_busy', { cause, note: 'status 429', retryAfterSeconds: 7 })
  assert.ok(failure instanceof Error)
  assert.equal(failure.name, 'ServiceFailure')
  assert.equal(failure.code, 'upstream_busy')
  assert.equal(failure.cause, cause)
  assert.equal(failure.note, 'status 429')
  assert.equal(failure.retryAfterSeconds, 7)
})

test('a failure without a context has none of its members', () => {
  const failure = new ServiceFailure('internal')
  assert.equal(failure.note, undefined)
  assert.equal(failure.retryAfterSeconds, undefined)
  assert.equal(Object.hasOwn(failure, 'cause'), false)
})

test('the message of a failure is its code, so that printing one prints nothing of its cause or note', () => {
  const failure = new ServiceFailure('store_unavailable', { cause: new Error('redis://user:secret@host') })
  assert.equal(String(failure), 'ServiceFailure: store_unavailable')
  assert.doesNotMatch(JSON.stringify(failure), /secret/)
})
