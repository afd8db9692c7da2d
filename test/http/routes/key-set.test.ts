/** The key set over HTTP: who may have it, and for how long. That nothing private is in it: receipts.test.ts. */
import { test } from 'tap'
import { createKeys } from '../../support/keys.ts'
import { openPublicServer } from '../../support/public-server.ts'
import { call } from '../../support/raw-http.ts'
import { noLimits } from '../../support/unobserved.ts'

const get = { target: '/.well-known/jwks.json' }
const publicKey = { ...createKeys('EC P-256').publicKey.export({ format: 'jwk' }), kty: 'EC' }
const key = { ...publicKey, use: 'sig' as const, alg: 'ES256', kid: 'a-kid' }

test('anybody gets the keys, to be kept for five minutes', async (t) => {
  const { url } = await openPublicServer(t, { keySet: () => ({ keys: [key] }) })
  const { status, headers, body } = await call(url, get)
  t.equal(status, 200)
  t.equal(headers.get('cache-control'), 'public, max-age=300')
  t.match(headers.get('content-type') ?? '', /^application\/json/)
  t.strictSame(JSON.parse(body), { keys: [key] })
})

test('where receipts are off nothing is there, for any method', async (t) => {
  const { url } = await openPublicServer(t)
  for (const method of ['GET', 'POST']) {
    const { status, headers, body } = await call(url, { ...get, method })
    t.strictSame([status, JSON.parse(body).code], [404, 'not_found'])
    t.equal(headers.get('cache-control'), 'no-store')
  }
})

test('another method on it is told which are allowed', async (t) => {
  const { url } = await openPublicServer(t, { keySet: () => ({ keys: [key] }) })
  const { status, headers } = await call(url, { ...get, method: 'POST' })
  t.strictSame([status, headers.get('allow')], [405, 'GET, HEAD'])
})

test('it counts against the limit of its address like everything else', async (t) => {
  const { url } = await openPublicServer(t, {
    keySet: () => ({ keys: [key] }),
    rateLimits: { ...noLimits, addressPerMinute: 2 },
  })
  const statuses = []
  for (let times = 0; times < 3; times++) statuses.push((await call(url, get)).status)
  t.strictSame(statuses, [200, 200, 429])
})
