/** The span of a request: what it is begun with, what runs under it, and what ends it. */

import { AsyncLocalStorage } from 'node:async_hooks'
import { setImmediate } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { ServiceFailure } from '../../src/core/failures.ts'
import type { BeginServerSpan } from '../../src/core/spans.ts'
import { traceRequests } from '../../src/http/trace-requests.ts'
import { call } from '../support/raw-http.ts'
import { openRoutes } from '../support/route-server.ts'
import { traceparent } from '../support/spans.ts'

async function setUp(t: Test) {
  const active = new AsyncLocalStorage<string>()
  const begun: Parameters<BeginServerSpan>[] = []
  const ended: unknown[][] = []
  const { url, log } = await openRoutes(t, (app) =>
    app.register(async (scope) => {
      traceRequests(scope, (...request) => {
        const traceId = `trace-${begun.push(request)}`
        return {
          traceId,
          run: (work) => active.run(traceId, work),
          end: (...how) => void ended.push(how),
        }
      })
      scope.addHook('onRequest', async () => void (await setImmediate()))
      scope.get('/span', async () => ({ span: active.getStore() }))
      scope.post('/span/:id', async () => ({ span: active.getStore() }))
      scope.get('/failure', () => Promise.reject(new ServiceFailure('store_unavailable')))
    }),
  )
  return { url, log, begun, ended }
}

test('a handler runs under the span of its own request, also behind a body', async (t) => {
  const { url } = await setUp(t)
  const post = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}' }
  for (const [n, request] of [{ target: '/span' }, { ...post, target: '/span/7' }].entries())
    t.strictSame(JSON.parse((await call(url, request)).body), { span: `trace-${n + 1}` })
})

test('a span is begun with the method and the trace, and ends with the route, the status and the failure', async (t) => {
  const { url, begun, ended } = await setUp(t)
  const headers = { traceparent }
  await call(url, { target: '/span?canary=1', headers })
  await call(url, { target: '/failure', headers: { traceparent: 'canary' } })
  while (ended.length < 2) await setImmediate()
  t.strictSame(begun, [
    ['GET', traceparent],
    ['GET', undefined],
  ])
  t.strictSame(ended, [
    ['/span', 200, undefined],
    ['/failure', 503, 'store_unavailable'],
  ])
})

test('the log names the trace of the span', async (t) => {
  const { url, log } = await setUp(t)
  await call(url, { target: '/span', headers: { traceparent } })
  t.equal(log.entries()[0]?.trace_id, 'trace-1')
})
