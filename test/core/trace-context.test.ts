/** Which `traceparent` headers are believed. The good one is the example of the W3C recommendation. */
import { test } from 'tap'
import { parseTraceparent } from '../../src/core/trace-context.ts'

const [traceId, parentId] = ['0af7651916cd43dd8448eb211c80319c', 'b7ad6b7169203331']

test('a well-formed header gives its three parts', async (t) => {
  t.strictSame(parseTraceparent(`00-${traceId}-${parentId}-01`), { traceId, parentId, flags: '01' })
})

const bad: Record<string, unknown> = {
  nothing: undefined,
  'an empty text': '',
  'a list': [`00-${traceId}-${parentId}-01`],
  'another version': `01-${traceId}-${parentId}-01`,
  'the version ff': `ff-${traceId}-${parentId}-01`,
  'a trace id of zeros': `00-${'0'.repeat(32)}-${parentId}-01`,
  'a parent id of zeros': `00-${traceId}-${'0'.repeat(16)}-01`,
  'a short trace id': `00-${traceId.slice(1)}-${parentId}-01`,
  'a long parent id': `00-${traceId}-${parentId}0-01`,
  'no flags': `00-${traceId}-${parentId}`,
  'more at the end': `00-${traceId}-${parentId}-01-00`,
  'capital letters': `00-${traceId.toUpperCase()}-${parentId}-01`,
  'a line break': `00-${traceId}-${parentId}-01\n`,
  'a phone number': '00-+99012345678-01',
}

for (const [what, header] of Object.entries(bad))
  test(`${what} is no trace`, async (t) => t.equal(parseTraceparent(header), undefined))
