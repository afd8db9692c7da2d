/** `--check-config --live`: what it finds out about everything that the service needs, and that it claims no more. */

import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { createServer as createTlsServer } from 'node:tls'
import { type Test, test } from 'tap'
import { openDocumentServer } from './support/document-server.ts'
import { listeningSettings } from './support/environment.ts'
import { findFreePort } from './support/free-port.ts'
import { startMain } from './support/main-process.ts'
import { runPreflight } from './support/preflight.ts'
import { startRedisCluster } from './support/redis-cluster.ts'
import { redisMissing, startRedis } from './support/redis-server.ts'
import { createTlsFiles, redisTlsMissing } from './support/tls-files.ts'
import { openUpstream, settingsFor } from './support/upstream.ts'

const deadlineMs = 3000
const number = '+99012345678'
const reachableWithoutTls = 'reachable, without TLS, credentials not tried'

/** Verify's answer to a start. */
const begun = (body: string) => (_: unknown, response: { statusCode: number; end(body: string): void }) => {
  response.statusCode = 202
  response.end(body)
}

test('live, everything is asked, and it passes when everything answers', {
  skip: redisMissing,
}, async (t) => {
  const redis = await startRedis(t, { settings: ['--maxmemory-policy', 'noeviction'] })
  const upstream = await openUpstream(t)
  const { checks, passed, warnings, notTried } = await runPreflight(
    settingsFor(upstream, { VONAGE_TOKEN_URL: `${upstream.origin}/oauth2/token`, REDIS_URL: redis.url }),
    true,
  )
  t.strictSame(checks, {
    VONAGE_PRIVATE_KEY: 'ok, RSA of 2048 bits, signs what its public half verifies',
    AUTH_ISSUER: 'reachable, key set with 6 keys',
    VONAGE_API_URL: reachableWithoutTls,
    VONAGE_TOKEN_URL: reachableWithoutTls,
    REDIS_URL: 'reachable, login ok, takes writes',
  })
  t.strictSame([passed, warnings], [true, []])
  t.strictSame(
    upstream.paths().sort(),
    ['/.well-known/openid-configuration', '/keys'],
    'Vonage got no request',
  )
  t.match(notTried, /--number/)
})

test('live with a number, Vonage is asked once about it, with the first key', async (t) => {
  const upstream = await openUpstream(t)
  const { checks, passed, lines, notTried } = await runPreflight(
    settingsFor(upstream, { VONAGE_TOKEN_URL: `${upstream.origin}/oauth2/token` }),
    true,
    number,
  )
  t.equal(checks.VONAGE_APPLICATION_ID, 'Vonage took application and key, and gave a URL for the device')
  t.equal(passed, true)
  t.notMatch(notTried, /--number/)
  t.equal(upstream.paths().filter((path) => path === '/v0.1/network-enablement').length, 1)
  t.ok(!lines.join().includes('auth?state'))
})

test('live with a number, Verify is asked where it is the product, and the hosts of the other are left alone', async (t) => {
  const upstream = await openUpstream(t)
  upstream.documents.set(
    '/v2/verify',
    begun('{"request_id":"an-id","check_url":"https://api.nexmo.com/silent-auth"}'),
  )
  const settings = {
    VONAGE_PRODUCT: 'verify',
    VONAGE_BRAND: 'Acme',
    VONAGE_VERIFY_URL: upstream.origin,
    VONAGE_TOKEN_URL: 'https://[::1]:1',
  }
  const { checks, passed } = await runPreflight(settingsFor(upstream, settings), true, number)
  t.equal(checks.VONAGE_APPLICATION_ID, 'Vonage took application and key, and gave a URL for the device')
  t.match(checks.VONAGE_VERIFY_URL ?? '', /^reachable/)
  t.strictSame([checks.VONAGE_API_URL, checks.VONAGE_TOKEN_URL, passed], [undefined, undefined, true])
})

test('live with a number, a verification of Verify that begins without a URL is told as such', async (t) => {
  const upstream = await openUpstream(t)
  upstream.documents.set('/v2/verify', begun('{"request_id":"an-id"}'))
  const settings = { VONAGE_PRODUCT: 'verify', VONAGE_BRAND: 'Acme', VONAGE_VERIFY_URL: upstream.origin }
  const { checks } = await runPreflight(settingsFor(upstream, settings), true, number)
  t.equal(checks.VONAGE_APPLICATION_ID, 'Vonage took application and key, and gave no URL for the device')
})

test('live, messages are sent by Verify, so its host is tried beside those of the product', async (t) => {
  const upstream = await openUpstream(t)
  const settings = { SMS_FALLBACK: 'true', VONAGE_BRAND: 'Acme', VONAGE_VERIFY_URL: 'https://[::1]:1' }
  const { checks, passed } = await runPreflight(settingsFor(upstream, settings), true)
  t.match(checks.VONAGE_API_URL ?? '', /^reachable/)
  t.equal(checks.VONAGE_VERIFY_URL, 'failed ECONNREFUSED')
  t.equal(passed, false)
})

test('live with a number, a refusal of Vonage is told by its status, after one call', async (t) => {
  const upstream = await openUpstream(t)
  upstream.documents.set(
    '/v0.1/network-enablement',
    (_: unknown, response: { statusCode: number; end(): void }) => {
      response.statusCode = 401
      response.end()
    },
  )
  const { checks, passed } = await runPreflight(settingsFor(upstream), true, number)
  t.strictSame([checks.VONAGE_APPLICATION_ID, passed], ['failed upstream_refused (status 401)', false])
  t.equal(upstream.paths().filter((path) => path === '/v0.1/network-enablement').length, 1)
})

test('live, a Redis that may evict is warned of, and one that is read-only fails', {
  skip: redisMissing,
}, async (t) => {
  const redis = await startRedis(t, { settings: ['--maxmemory-policy', 'allkeys-lru'] })
  const settings = listeningSettings({ REDIS_URL: redis.url })
  const evicting = await runPreflight(settings, true)
  t.match(evicting.checks.REDIS_URL ?? '', /^reachable, /)
  t.strictSame(evicting.warnings, ['REDIS_URL'])
  await redis.command('REPLICAOF', '127.0.0.1', (await startRedis(t)).port)
  t.equal((await runPreflight(settings, true)).checks.REDIS_URL, 'failed READONLY')
})

test('live, a Redis that wants another password is told by its code, without the password', {
  skip: redisMissing,
}, async (t) => {
  const redis = await startRedis(t, { settings: ['--requirepass', 'secret'] })
  const settings = listeningSettings({ REDIS_URL: redis.url.replace('//', '//:canary@') })
  const { checks, lines } = await runPreflight(settings, true)
  t.equal(checks.REDIS_URL, 'failed WRONGPASS')
  t.ok(!lines.join().includes('canary'))
})

test('live, what is not there is refused at once, each by its name and code', async (t) => {
  const { checks, passed, tookMs } = await runPreflight(
    listeningSettings({
      AUTH_JWKS_URI: `http://127.0.0.1:${await findFreePort()}`,
      VONAGE_API_URL: 'https://[::1]:1',
      REDIS_URL: 'redis://127.0.0.1:1',
    }),
    true,
  )
  t.equal(passed, false)
  t.ok(tookMs < deadlineMs)
  t.match(checks.VONAGE_PRIVATE_KEY ?? '', /^ok, /)
  for (const name of ['AUTH_JWKS_URI', 'VONAGE_TOKEN_URL', 'REDIS_URL'])
    t.equal(checks[name], 'failed ECONNREFUSED', name)
  t.match(checks.VONAGE_API_URL ?? '', /^failed E/)
})

test('live, a URL without a port means that of its scheme', async (t) => {
  const { checks } = await runPreflight(listeningSettings({ VONAGE_API_URL: 'https://127.0.0.1' }), true)
  t.match(checks.VONAGE_API_URL ?? '', /^failed E/)
})

/** Accepts connections, and says nothing. */
async function openSilence(t: Test): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {}))).listen(
    0,
    '127.0.0.1',
  )
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, sockets }
}

for (const [name, scheme] of [
  ['AUTH_JWKS_URI', 'http'],
  ['VONAGE_API_URL', 'https'],
  ['VONAGE_TOKEN_URL', 'https'],
  ['REDIS_URL', 'redis'],
] as const)
  test(`live, ${name} that hangs fails within its deadline`, async (t) => {
    const { port, sockets } = await openSilence(t)
    const { checks, tookMs } = await runPreflight(
      listeningSettings({ [name]: `${scheme}://127.0.0.1:${port}` }),
      true,
    )
    t.match(checks[name] ?? '', /^failed ./)
    if (scheme !== 'redis') t.equal(checks[name], 'failed TIMEOUT')
    t.ok(sockets.length > 0 && tookMs < deadlineMs + 1000, `${tookMs} ms`)
  })

test('live, a key set that holds no keys is told in our words, and one that is no JSON without a word of it', async (t) => {
  const server = await openDocumentServer(t, { '/empty': { keys: [] } })
  server.documents.set('/canary', (_: unknown, response: { end(text: string): void }) =>
    response.end('canary'),
  )
  const check = async (path: string) =>
    (await runPreflight(listeningSettings({ AUTH_JWKS_URI: server.origin + path }), true)).checks
      .AUTH_JWKS_URI
  t.equal(await check('/empty'), 'failed no usable key in the key set')
  t.equal(await check('/canary'), 'failed the document is not JSON')
  t.equal(await check('/gone'), 'failed status 404')
})

test('live, an https host with a certificate that is trusted is told so, and that it got no credentials', {
  skip: redisTlsMissing,
}, async (t) => {
  const { directory, read } = createTlsFiles(t)
  const server = createTlsServer({ key: read('server.key'), cert: read('server.crt') })
  server.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const settings = {
    ...listeningSettings({ VONAGE_API_URL: `https://127.0.0.1:${port}` }),
    NODE_EXTRA_CA_CERTS: join(directory, 'ca.crt'),
  }
  const { exited, stdout } = startMain(t, { settings, args: ['--check-config', '--live'] })
  await exited
  t.ok(stdout.includes('VONAGE_API_URL: reachable, TLS ok, credentials not tried'))
})

test('live, the host of an https URL must show a certificate that is trusted, and gets no request', {
  skip: redisTlsMissing,
}, async (t) => {
  const { read } = createTlsFiles(t)
  const names: unknown[] = []
  const received: Buffer[] = []
  const server = createTlsServer(
    {
      key: read('server.key'),
      cert: read('server.crt'),
      SNICallback(name, done) {
        names.push(name)
        done(null)
      },
    },
    (socket) => void socket.on('data', (chunk) => void received.push(chunk)),
  ).on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const settings = listeningSettings({
    VONAGE_API_URL: `https://localhost:${port}`,
    VONAGE_TOKEN_URL: `https://127.0.0.1:${port}/oauth2/token`,
  })
  const { checks } = await runPreflight(settings, true)
  for (const name of ['VONAGE_API_URL', 'VONAGE_TOKEN_URL'])
    t.match(checks[name] ?? '', /^failed (UNABLE_TO_VERIFY|SELF_SIGNED|DEPTH_ZERO)/)
  t.strictSame(names, ['localhost'], 'a name is asked for by name, an address is not')
  t.strictSame(received, [])
})

test('live, a key set of one key is told as one', async (t) => {
  const upstream = await openUpstream(t)
  const { keys } = (await (await fetch(`${upstream.origin}/keys`)).json()) as { keys: object[] }
  upstream.documents.set('/one', { keys: keys.slice(0, 1) })
  const { checks } = await runPreflight(
    settingsFor(upstream, { AUTH_JWKS_URI: `${upstream.origin}/one` }),
    true,
  )
  t.equal(checks.AUTH_JWKS_URI, 'reachable, key set with 1 key')
})

test('live, an issuer that calls itself with a slash more or less is told both names, another one is not named', async (t) => {
  const upstream = await openUpstream(t)
  const check = async (issuer: string) => {
    upstream.documents.set('/.well-known/openid-configuration', {
      issuer,
      jwks_uri: `${upstream.origin}/keys`,
    })
    return (await runPreflight(settingsFor(upstream), true)).checks.AUTH_ISSUER
  }
  t.equal(
    await check(`${upstream.origin}/`),
    `failed the issuer calls itself ${upstream.origin}/, not ${upstream.origin}`,
  )
  t.notMatch((await check('https://canary')) ?? '', /canary/)
})

test('live, one node of a cluster fails, and says what to set', { skip: redisMissing }, async (t) => {
  const { urls } = await startRedisCluster(t)
  const [url = ''] = urls
  const alone = await runPreflight(listeningSettings({ REDIS_URL: url }), true)
  t.match(alone.checks.REDIS_URL ?? '', /^failed .*REDIS_CLUSTER=true$/)
  const settings = listeningSettings({ REDIS_URL: url, REDIS_CLUSTER: 'true' })
  // On a busy machine a new cluster may take longer to answer than the check waits.
  let found: string | undefined
  for (let tries = 0; tries < 3 && !found?.startsWith('reachable'); tries++)
    found = (await runPreflight(settings, true)).checks.REDIS_URL
  t.match(found ?? '', /^reachable, /)
})
