/** What a request is called in other systems. */
import { test } from 'tap'
import { correlationOf } from '../../src/http/correlation.ts'
import { call } from '../support/raw-http.ts'
import { openRoutes } from '../support/route-server.ts'
import { traceparent } from '../support/spans.ts'

for (const [what, headers, expected] of [
  ['its id alone', {}, { requestId: 'an-id' }],
  ['its trace too', { traceparent }, { requestId: 'an-id', traceparent }],
  ['no trace that is malformed', { traceparent: `${traceparent}-canary` }, { requestId: 'an-id' }],
] as const)
  test(`a request is called ${what}`, async (t) => {
    const { url } = await openRoutes(t, (app) => app.get('/thing', async (request) => correlationOf(request)))
    const answer = await call(url, { target: '/thing', headers: { 'x-request-id': 'an-id', ...headers } })
    t.strictSame(JSON.parse(answer.body), expected)
  })
