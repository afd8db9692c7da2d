/** Spans around the methods of an object. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { traceMethods } from '../../src/store/traced-methods.ts'
import { recordSpans } from '../support/spans.ts'

test('each method is a span while it runs, and gives what it gave before', async () => {
  const { inSpan, spans } = recordSpans()
  const traced = traceMethods('sum', { add: async (a: number, b: number) => a + b }, inSpan)
  assert.equal(await traced.add(1, 2), 3)
  assert.deepEqual(spans, [
    { name: 'redis sum.add', attributes: { 'db.system.name': 'redis', 'db.operation.name': 'sum.add' } },
  ])
})

test('its failure goes through', async () => {
  const { inSpan, spans } = recordSpans()
  const failure = new Error('gone')
  const traced = traceMethods('sum', { fail: () => Promise.reject(failure) }, inSpan)
  await assert.rejects(traced.fail(), failure)
  assert.equal(spans.length, 1)
})
