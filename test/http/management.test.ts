/** The inside listener: health, the document of the public listener, and its rendering without anything from elsewhere. */

import { t as file, test } from 'tap'
import { ServiceFailure } from '../../src/core/failures.ts'
import { createManagementServer } from '../../src/http/management.ts'
import { assertProblem, assertSafeHeaders } from '../support/problem.ts'
import { listenOnLoopback, openPublicServer, recordLog } from '../support/public-server.ts'
import { call, requestBytes, speak } from '../support/raw-http.ts'
import { listenerLimits } from '../support/unobserved.ts'

const { describe } = await openPublicServer(file)
let isReady = true
const url = await listenOnLoopback(
  file,
  await createManagementServer({
    ...listenerLimits,
    isDraining: () => false,
    log: recordLog(file).logger,
    async checkReady() {
      if (!isReady) throw new ServiceFailure('store_unavailable')
    },
    openApiDocument: describe,
    metricsText: async () => 'a_metric 1\n',
    events: () => {},
  }),
)

/** Whatever a page or a style sheet names to be loaded. */
function referencesIn(text: string): string[] {
  const named = [
    ...text.matchAll(/(?:src|href)="([^"]+)"|url\(["']?([^"')]+)["']?\)|@import\s+["']([^"']+)/g),
  ]
  return named.map(([, attribute, url, imported]) => attribute ?? url ?? imported ?? '')
}

test('scrapes at the same time are made once', async (t) => {
  let made = 0
  const url = await listenOnLoopback(
    t,
    await createManagementServer({
      ...listenerLimits,
      isDraining: () => false,
      log: recordLog(t).logger,
      checkReady: async () => {},
      openApiDocument: describe,
      metricsText: () => new Promise((resolve) => setImmediate(resolve, `a_metric ${++made}\n`)),
      events: () => {},
    }),
  )
  const request = requestBytes({ target: '/metrics', headers: { connection: undefined } })
  for (const text of ['a_metric 1\n', 'a_metric 2\n'])
    t.equal((await speak(url, request.repeat(3)))[0]?.body, text)
})

test('the document is that of the public listener', async (t) => {
  const answer = await call(url, { target: '/openapi.json' })
  t.equal(answer.status, 200)
  t.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  t.strictSame(JSON.parse(answer.body), JSON.parse(JSON.stringify(await describe())))
  assertSafeHeaders(t, answer)
})

for (const page of ['/docs', '/docs/'])
  test(`${page} is a page that is served whole from here`, async (t) => {
    const answer = await call(url, { target: page })
    t.equal(answer.status, 200)
    t.match(answer.headers.get('content-type') ?? '', /^text\/html/)
    assertSafeHeaders(t, answer)
    const references = referencesIn(answer.body)
    t.ok(references.length >= 5)
    for (const reference of references) {
      const { origin, pathname } = new URL(reference, url + page)
      t.equal(origin, url, reference)
      const asset = await call(url, { target: pathname })
      t.equal(asset.status, 200, reference)
      t.ok(asset.body.length > 0, reference)
      if (reference.endsWith('.css'))
        for (const nested of referencesIn(asset.body)) t.match(nested, /^(data:|#)/, nested)
    }
  })

test('the page renders the document of the public listener', async (t) => {
  const initializer = await call(url, { target: '/docs/static/swagger-initializer.js' })
  t.match(initializer.body, /\/json/)
  const document = await call(url, { target: '/docs/json' })
  t.strictSame(JSON.parse(document.body), JSON.parse(JSON.stringify(await describe())))
})

test('the page may load, send and embed nothing of another host', async (t) => {
  const policy = (await call(url, { target: '/docs/' })).headers.get('content-security-policy') ?? ''
  const directives = new Map(
    policy.split(/\s*;\s*/).map((text) => [text.split(' ')[0], text.split(' ').slice(1)]),
  )
  t.strictSame(directives.get('default-src'), ["'self'"])
  t.ok(!directives.has('upgrade-insecure-requests'), 'this listener speaks http')
  for (const source of [...directives.values()].flat()) t.match(source, /^('self'|'unsafe-inline'|data:)$/)
  const scripts = directives.get('script-src') ?? directives.get('default-src')
  t.ok(!scripts?.includes("'unsafe-inline'"))
})

test('nothing of the file system around the page is served', async (t) => {
  for (const path of ['none', '..%2fpackage.json', '%2e%2e%2fpackage.json'])
    assertProblem(t, await call(url, { target: `/docs/static/${path}` }), 'not_found')
  for (const path of ['%2e%2e/package.json', '..%5c..%5cpackage.json', 'swagger-ui.css%00'])
    t.ok((await call(url, { target: `/docs/static/${path}` })).status >= 400)
})

test('a range of an asset that does not exist is an invalid request', async (t) => {
  const headers = { range: 'bytes=99999999-' }
  assertProblem(t, await call(url, { target: '/docs/static/swagger-ui.css', headers }), 'invalid_request')
})

test('health is answered here too', async (t) => {
  for (const target of ['/livez', '/readyz']) t.equal((await call(url, { target })).status, 200)
  isReady = false
  assertProblem(t, await call(url, { target: '/readyz' }), 'store_unavailable')
  t.equal((await call(url, { target: '/livez' })).status, 200)
})

test('no call of the mobile app is answered here', async (t) => {
  for (const target of [
    '/v1/network-enablement',
    '/v1/number-verification',
    '/v1/network-enablement/callback',
  ])
    for (const method of ['GET', 'POST']) assertProblem(t, await call(url, { method, target }), 'not_found')
})

test('the metrics are Prometheus text', async (t) => {
  const answer = await call(url, { target: '/metrics' })
  t.equal(answer.status, 200)
  t.equal(answer.body, 'a_metric 1\n')
  t.equal(answer.headers.get('content-type'), 'text/plain; version=0.0.4; charset=utf-8')
  assertSafeHeaders(t, answer)
})
