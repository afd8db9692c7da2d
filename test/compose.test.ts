/** The whole service from its settings, over real sockets: everything is connected, and closing closes everything. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { openService } from '../src/compose.ts'
import { type Environment, parseConfig } from '../src/config.ts'
import type { DocumentServer } from './support/document-server.ts'
import { assertProblem } from './support/problem.ts'
import { startPath } from './support/public-server.ts'
import { call } from './support/raw-http.ts'
import { answerStart, goodStart, openUpstream, settingsFor, startedBody } from './support/upstream.ts'

async function open(t: Test, upstream: DocumentServer, changes: Environment = {}) {
  const settings = settingsFor(upstream, { LOG_LEVEL: 'silent', ...changes })
  const service = await openService(parseConfig(settings))
  let closing: Promise<void> | undefined
  const close = () => (closing ??= service.close())
  t.teardown(close)
  return { ...service, close }
}

test('a start goes through token, core and operator and comes back, by keys that are discovered', async (t) => {
  const upstream = await openUpstream(t)
  const { url } = await open(t, upstream)
  const answer = await call(url, goodStart(upstream))
  t.equal(answer.body, startedBody)
  t.ok(upstream.paths().includes('/.well-known/openid-configuration'))
})

test('a fixed key set needs no discovery', async (t) => {
  const upstream = await openUpstream(t)
  const { url } = await open(t, upstream, { AUTH_JWKS_URI: `${upstream.origin}/keys` })
  t.equal((await call(url, goodStart(upstream))).status, 200)
  t.strictSame(upstream.paths().sort(), ['/keys', '/v0.1/network-enablement'])
})

test('a key set that is discovered on a foreign plain-http host is not fetched', async (t) => {
  const upstream = await openUpstream(t)
  const discovered = { issuer: upstream.origin, jwks_uri: 'http://keys.example/keys' }
  upstream.documents.set('/.well-known/openid-configuration', discovered)
  const { url } = await open(t, upstream)
  assertProblem(t, await call(url, goodStart(upstream)), 'idp_unavailable')
})

for (const [types, typ] of [
  ['JWT', 'JWT'],
  ['at+jwt,JWT', 'jwt'],
  ['application/at+jwt', 'at+jwt'],
  ['at+jwt', 'application/at+jwt'],
] as const)
  test(`a token of the type ${typ} is accepted with AUTH_TOKEN_TYPES=${types}`, async (t) => {
    const upstream = await openUpstream(t)
    const { url } = await open(t, upstream, { AUTH_TOKEN_TYPES: types })
    t.equal((await call(url, goodStart(upstream, typ))).status, 200)
  })

const settingsThatRefuse: readonly [Environment, Parameters<typeof assertProblem>[2]][] = [
  [{ AUTH_AUDIENCE: 'https://other.example' }, 'invalid_token'],
  [{ AUTH_ALGORITHMS: 'ES256' }, 'invalid_token'],
  [{ AUTH_TOKEN_TYPES: 'other' }, 'invalid_token'],
  [{ AUTH_REQUIRED_SCOPE: 'another:scope' }, 'insufficient_scope'],
  [{ AUTH_PHONE_NUMBER_CLAIM: 'phone_number' }, 'phone_number_not_allowed'],
  [{ VONAGE_SCOPES: 'another' }, 'network_not_supported'],
  [{ VONAGE_AUTH_URL_HOSTS: '*.vonage.com' }, 'upstream_invalid'],
  [{ VONAGE_API_URL: 'http://127.0.0.1:1' }, 'upstream_unavailable'],
  [{ ALLOWED_CALLING_CODES: '34' }, 'country_not_supported'],
]

for (const [changes, code] of settingsThatRefuse)
  test(`a start gets ${code} with ${JSON.stringify(changes)}`, async (t) => {
    const upstream = await openUpstream(t)
    const { url } = await open(t, upstream, changes)
    assertProblem(t, await call(url, goodStart(upstream)), code)
  })

test('the deadline of a start and the limit of a caller are those of the settings', async (t) => {
  const upstream = await openUpstream(t)
  upstream.documents.set('/v0.1/network-enablement', () => {})
  const { url } = await open(t, upstream, { START_TIMEOUT_MS: '100', RATE_LIMIT_CALLER_PER_MINUTE: '1' })
  assertProblem(t, await call(url, goodStart(upstream)), 'upstream_timeout')
  assertProblem(t, await call(url, goodStart(upstream)), 'rate_limited')
})

test('it starts while the identity provider and the operator are away, and says which one is', async (t) => {
  const upstream = await openUpstream(t)
  const { url } = await open(t, upstream, { AUTH_ISSUER: 'http://127.0.0.1:1' })
  t.equal((await call(url, { target: '/readyz' })).status, 200)
  assertProblem(t, await call(url, goodStart(upstream)), 'idp_unavailable')
})

test('the management listener has health and the document, and the public one has no document', async (t) => {
  const { url, managementUrl } = await open(t, await openUpstream(t))
  t.not(new URL(url).port, new URL(managementUrl).port)
  for (const target of ['/livez', '/readyz', '/openapi.json', '/docs/'])
    t.equal((await call(managementUrl, { target })).status, 200, target)
  assertProblem(t, await call(url, { target: '/openapi.json' }), 'not_found')
  const { paths } = JSON.parse((await call(managementUrl, { target: '/openapi.json' })).body)
  t.ok(startPath in paths)
})

test('without a redirect URI the document names no host', async (t) => {
  const verify = { VONAGE_PRODUCT: 'verify', VONAGE_BRAND: 'Acme', VONAGE_REDIRECT_URI: '' }
  const { managementUrl } = await open(t, await openUpstream(t), verify)
  const { servers } = JSON.parse((await call(managementUrl, { target: '/openapi.json' })).body)
  t.equal(servers[0].url, '/')
})

test('an IPv6 listener is named so that its URL can be used', async (t) => {
  const { url } = await open(t, await openUpstream(t), { HOST: '::1' })
  t.equal(new URL(url).hostname, '[::1]')
  t.equal((await call(url, { target: '/livez' })).status, 200)
})

test('closing serves on for the delay but is not ready, finishes what is under way, and then listens nowhere', async (t) => {
  const upstream = await openUpstream(t)
  const asked = Promise.withResolvers<ServerResponse>()
  upstream.documents.set('/v0.1/network-enablement', (_: unknown, response: ServerResponse) =>
    asked.resolve(response),
  )
  const { url, managementUrl, close } = await open(t, upstream, { SHUTDOWN_DELAY_MS: '100' })
  const underWay = call(url, goodStart(upstream))
  const response = await asked.promise

  const closed = close()
  for (const base of [url, managementUrl])
    assertProblem(t, await call(base, { target: '/readyz' }), 'shutting_down')
  t.equal((await call(url, { target: '/livez' })).status, 200)
  while ((await call(url, { target: '/livez' }).catch(() => undefined)) !== undefined);

  answerStart(undefined, response)
  const { headers, body } = await underWay
  t.strictSame([body, headers.get('connection')], [startedBody, 'close'])
  const upstreamSocket = response.socket
  await closed
  for (const base of [url, managementUrl]) await t.rejects(call(base, { target: '/livez' }))
  if (upstreamSocket && !upstreamSocket.destroyed) await once(upstreamSocket, 'close')
})

test('a port that is taken is an error, and the other listener does not stay behind', async (t) => {
  const upstream = await openUpstream(t)
  const holder = await open(t, upstream)
  const spare = await open(t, upstream)
  await spare.close()
  const settings = settingsFor(upstream, {
    LOG_LEVEL: 'silent',
    PORT: new URL(holder.url).port,
    MANAGEMENT_PORT: new URL(spare.managementUrl).port,
  })
  await t.rejects(openService(parseConfig(settings)), /PORT: .*EADDRINUSE/)
  await t.rejects(fetch(`${spare.managementUrl}/livez`))
})

test('a service without Redis, tracing, introspection and readers of its document loads nothing for them', async (t) => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    join(import.meta.dirname, 'support/loaded-packages.ts'),
  ])
  const loaded = JSON.parse(stdout) as string[]
  for (const name of ['fastify/', 'undici/lib/dispatcher/pool.js', 'jose/'])
    t.ok(
      loaded.some((file) => file.startsWith(name)),
      name,
    )
  const needless = ['ioredis', 'oauth4webapi', 'ajv', '@fastify/swagger', '@fastify/swagger-ui', 'yaml']
  t.strictSame(
    needless.filter((name) => loaded.some((file) => file.startsWith(`${name}/`))),
    [],
  )
  const parts = ['undici/index.js', 'undici/lib/web/', 'jose/dist/webapi/index.js', 'jose/dist/webapi/jwe/']
  t.strictSame(
    parts.filter((part) => loaded.some((file) => file.startsWith(part))),
    [],
  )
})
