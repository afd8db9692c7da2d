/** The page of the document, as part of a listener. What is on it: management.test.ts. */

import { setImmediate } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { createApp } from '../../src/http/app.ts'
import { serveDocs } from '../../src/http/docs.ts'
import { listenOnLoopback, recordLog } from '../support/public-server.ts'
import { call } from '../support/raw-http.ts'
import { listenerLimits, recordEvents } from '../support/unobserved.ts'

const document = { openapi: '3.1.0', info: { title: 'a title', version: '1' }, paths: {} }

async function setUp(t: Test) {
  const { log, logger } = recordLog(t)
  const { events, seen } = recordEvents()
  const options = { ...listenerLimits, isDraining: () => false, log: logger, events }
  const app = createApp(options)
  serveDocs(app, options, async () => document)
  return { app, url: await listenOnLoopback(t, app), log, seen }
}

test('all who ask first get the page', async (t) => {
  const { url } = await setUp(t)
  const answers = await Promise.all(Array.from({ length: 5 }, () => call(url, { target: '/docs/json' })))
  for (const { status, body } of answers) t.strictSame([status, JSON.parse(body)], [200, document])
})

test('a request for it is reported once, under the id that its answer has', async (t) => {
  const { url, log, seen } = await setUp(t)
  for (const target of ['/docs/json', '/docs/static/none']) {
    const { headers } = await call(url, { target })
    while (log.lines.length === 0) await setImmediate()
    const [line, ...more] = log.entries()
    t.equal(more.length, 0)
    t.equal(line?.request_id, headers.get('x-request-id'))
    t.equal(line?.route, '/docs/*')
    t.equal(seen.splice(0).length, 1)
    log.lines.splice(0)
  }
})

test('the listener closes, whether anybody asked for it or not', async (t) => {
  const [used, unused] = [await setUp(t), await setUp(t)]
  await call(used.url, { target: '/docs/' })
  for (const { app, url } of [used, unused]) {
    await app.close()
    await t.rejects(call(url, { target: '/docs/' }))
  }
})

test('the page offers no calls, since the API is on the other listener', async (t) => {
  const { url } = await setUp(t)
  const { body } = await call(url, { target: '/docs/static/swagger-initializer.js' })
  t.match(body, /"supportedSubmitMethods":\[\]/)
})
