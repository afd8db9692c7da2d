/** Spans around the methods of an object. */
import { test } from 'tap'
import { traceMethods } from '../../src/store/traced-methods.ts'
import { recordSpans } from '../support/spans.ts'

test('each method is a span while it runs, and gives what it gave before', async (t) => {
  const { inSpan, spans } = recordSpans()
  const traced = traceMethods('sum', { add: async (a: number, b: number) => a + b }, inSpan)
  t.equal(await traced.add(1, 2), 3)
  t.strictSame(spans, [
    { name: 'redis sum.add', attributes: { 'db.system.name': 'redis', 'db.operation.name': 'sum.add' } },
  ])
})

test('its failure goes through', async (t) => {
  const { inSpan, spans } = recordSpans()
  const failure = new Error('gone')
  const traced = traceMethods('sum', { fail: () => Promise.reject(failure) }, inSpan)
  await t.rejects(traced.fail(), failure)
  t.equal(spans.length, 1)
})
