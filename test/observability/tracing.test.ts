/** Traces, as a collector gets them. */
import { type Test, test } from 'tap'
import { createTracing } from '../../src/observability/tracing.ts'
import { openCollector } from '../support/collector.ts'
import { openDocumentServer } from '../support/document-server.ts'
import { traceparent } from '../support/spans.ts'

const [, callersTrace, callersSpan] = traceparent.split('-')

async function setUp(t: Test) {
  const collector = await openCollector(t)
  return { collector, ...createTracing({ endpoint: `${collector.origin}/`, serviceName: 'a-service' }) }
}

test('a request is a server span below the trace of its caller, by method and route', async (t) => {
  const { collector, beginServerSpan, close } = await setUp(t)
  const span = beginServerSpan('POST', traceparent)
  t.equal(span.traceId, callersTrace)
  span.end('/a/:route', 200, undefined)
  await close()
  const [collected, ...more] = collector.spans
  t.equal(more.length, 0)
  t.equal(collected?.name, 'POST /a/:route')
  t.equal(collected?.kind, 2)
  t.strictSame([collected?.traceId, collected?.parentSpanId], [callersTrace, callersSpan])
  t.strictSame(collected?.status.code ?? 0, 0)
  t.strictSame(collected?.attributes, {
    'http.request.method': 'POST',
    'http.route': '/a/:route',
    'http.response.status_code': 200,
  })
  t.equal(collected?.resource['service.name'], 'a-service')
})

test('a request without a trace begins its own', async (t) => {
  const { collector, beginServerSpan, close } = await setUp(t)
  const { traceId, end } = beginServerSpan('GET', undefined)
  t.match(traceId, /^[0-9a-f]{32}$/)
  end('/', 200, undefined)
  await close()
  t.equal(collector.spans[0]?.traceId, traceId)
  t.ok(!collector.spans[0]?.parentSpanId)
})

for (const [status, failure, errorType] of [
  [503, 'store_unavailable', 'store_unavailable'],
  [500, undefined, '500'],
  [404, 'not_found', undefined],
] as const)
  test(`an answer ${status} with ${failure} ${errorType ? 'fails' : 'does not fail'} the span`, async (t) => {
    const { collector, beginServerSpan, close } = await setUp(t)
    beginServerSpan('GET', undefined).end('/', status, failure)
    await close()
    const [span] = collector.spans
    t.equal(span?.attributes['error.type'], errorType)
    t.equal(span?.status.code ?? 0, errorType ? 2 : 0)
  })

test('what a request causes is a client span below its own, and is told its name', async (t) => {
  const { collector, beginServerSpan, inSpan, close } = await setUp(t)
  const server = beginServerSpan('GET', undefined)
  const told = await new Promise<string>((resolve) => {
    server.run(() =>
      resolve(
        inSpan(
          { name: 'a call', attributes: { a: 1 } },
          async (own) => own,
          () => ({ b: 'c' }),
        ),
      ),
    )
  })
  server.end('/', 200, undefined)
  await close()
  const parent = collector.spans.find(({ kind }) => kind === 2)
  const child = collector.spans.find(({ kind }) => kind === 3)
  t.strictSame([child?.name, child?.attributes], ['a call', { a: 1, b: 'c' }])
  t.strictSame([child?.traceId, child?.parentSpanId], [parent?.traceId, parent?.spanId])
  t.equal(told, `00-${child?.traceId}-${child?.spanId}-01`)
})

test('work outside any request is a trace of its own', async (t) => {
  const { collector, inSpan, close } = await setUp(t)
  await inSpan(
    { name: 'alone', attributes: {} },
    async () => {},
    () => ({}),
  )
  await close()
  t.ok(!collector.spans[0]?.parentSpanId)
})

for (const [thrown, errorType] of [
  [new RangeError('canary'), 'RangeError'],
  ['canary', 'unknown'],
] as const)
  test(`what throws ${errorType} fails its span, without the message, and throws on`, async (t) => {
    const { collector, inSpan, close } = await setUp(t)
    const failing = inSpan(
      { name: 'failing', attributes: {} },
      () => Promise.reject(thrown),
      () => ({}),
    )
    t.equal(await failing.catch((error: unknown) => error), thrown)
    await close()
    t.equal(collector.spans[0]?.attributes['error.type'], errorType)
    t.equal(collector.spans[0]?.status.code, 2)
    t.notMatch(collector.bodies.join(), /canary/)
  })

for (const [what, handler] of [
  ['hangs', () => {}],
  ['refuses', undefined],
] as const)
  test(`a collector that ${what} does not hold the end for long`, { timeout: 10_000 }, async (t) => {
    const { origin } = await openDocumentServer(t, handler && { '/v1/traces': handler })
    const { beginServerSpan, close } = createTracing({ endpoint: origin, serviceName: 'a-service' })
    beginServerSpan('GET', undefined).end('/', 200, undefined)
    const closingSinceMs = performance.now()
    await close()
    t.ok(performance.now() - closingSinceMs < 5000)
  })

test('a trace that its caller does not want recorded is not sent', async (t) => {
  const { collector, beginServerSpan, close } = await setUp(t)
  const span = beginServerSpan('GET', traceparent.replace(/1$/, '0'))
  t.equal(span.traceId, callersTrace)
  span.end('/', 200, undefined)
  await close()
  t.equal(collector.spans.length, 0)
})
