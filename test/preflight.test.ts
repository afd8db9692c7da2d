/** `--check-config`: what it shows, what it warns of, and what it finds out about everything that the service needs. */
import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { createServer as createTlsServer } from 'node:tls'
import { type Environment, parseConfig } from '../src/config.ts'
import { preflight } from '../src/preflight.ts'
import { settings } from '../src/settings.ts'
import { openDocumentServer } from './support/document-server.ts'
import { listeningSettings, requiredSettings } from './support/environment.ts'
import { findFreePort } from './support/free-port.ts'
import { createRsaKeys, privatePem } from './support/keys.ts'
import { startRedisCluster } from './support/redis-cluster.ts'
import { redisMissing, startRedis } from './support/redis-server.ts'
import { createTlsFiles, redisTlsMissing } from './support/tls-files.ts'
import { openUpstream, settingsFor } from './support/upstream.ts'

const next = privatePem(createRsaKeys())
const deadlineMs = 3000

async function run(environment: Environment, live = false) {
  const lines: string[] = []
  const warnings: string[] = []
  const startedMs = performance.now()
  const passed = await preflight(parseConfig(environment), {
    live,
    print: (line) => void lines.push(line),
    warn: (line) => void warnings.push(line.split(':')[0] ?? ''),
  })
  const checks = Object.fromEntries(
    lines.filter((line) => /^\w+: /.test(line)).map((line) => line.split(/: (.*)/s).slice(0, 2)),
  ) as Record<string, string>
  return { passed, lines, warnings, checks, tookMs: performance.now() - startedMs }
}

test('every setting is shown with its value, in one line, and no secret is', async () => {
  const secrets = { REDIS_URL: 'redis://canary:canary@canary', REDIS_KEY: 'canary', REDIS_CA: 'canary' }
  const { lines, passed } = await run({
    ...requiredSettings(),
    ...secrets,
    VONAGE_PRIVATE_KEY_NEXT: next,
    TRUSTED_PROXIES: '10.0.0.0/8,::1',
  })
  assert.equal(passed, true)
  const shown = Object.fromEntries(lines.slice(0, -2).map((line) => line.split(/=(.*)/s).slice(0, 2)))
  assert.deepEqual(Object.keys(shown), Object.keys(settings.properties))
  for (const name of [...Object.keys(secrets), 'VONAGE_PRIVATE_KEY', 'VONAGE_PRIVATE_KEY_NEXT'])
    assert.equal(shown[name], '[redacted]')
  assert.equal(shown.PORT, '3000')
  assert.equal(shown.TRUSTED_PROXIES, '10.0.0.0/8,::1')
  assert.equal(shown.AUTH_AUDIENCE, requiredSettings().AUTH_AUDIENCE)
  assert.equal(shown.REDIS_CERTIFICATE, '')
  const text = lines.join('\n')
  for (const secret of ['canary', next.split('\n')[1] ?? '', 'PRIVATE KEY']) assert.ok(!text.includes(secret))
})

test('both keys sign what their public halves verify, without a call to anyone', async () => {
  const { checks } = await run({ ...requiredSettings(), VONAGE_PRIVATE_KEY_NEXT: next })
  assert.deepEqual(checks, { VONAGE_PRIVATE_KEY: 'ok', VONAGE_PRIVATE_KEY_NEXT: 'ok' })
})

test('a key whose halves do not belong together is found out', async () => {
  const [one, other] = [createRsaKeys(), createRsaKeys()].map((keys) =>
    keys.privateKey.export({ format: 'jwk' }),
  )
  const mixed = createPrivateKey({ key: { ...one, n: String(other?.n) }, format: 'jwk' })
  const pem = mixed.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { checks, passed } = await run({ ...requiredSettings(), VONAGE_PRIVATE_KEY_NEXT: pem })
  assert.equal(passed, false)
  assert.equal(checks.VONAGE_PRIVATE_KEY, 'ok')
  assert.match(checks.VONAGE_PRIVATE_KEY_NEXT ?? '', /^failed ./)
})

const warned: readonly [Environment, string[]][] = [
  [{}, []],
  [{ REDIS_URL: undefined }, ['REDIS_URL']],
  [{ TRUSTED_PROXIES: '10.0.0.0/8,192.0.2.1,2001:db8::/32,::1' }, []],
  [{ TRUSTED_PROXIES: '10.0.0.1,10.0.0.0/7' }, ['TRUSTED_PROXIES']],
  [{ TRUSTED_PROXIES: '0.0.0.0/0' }, ['TRUSTED_PROXIES']],
  [{ TRUSTED_PROXIES: '2001::/31' }, ['TRUSTED_PROXIES']],
  [{ ALLOW_INSECURE_UPSTREAM: 'true' }, ['ALLOW_INSECURE_UPSTREAM']],
  [{ MANAGEMENT_HOST: '0.0.0.0' }, []],
]

for (const [changes, names] of warned)
  test(`it warns of ${names.join() || 'nothing'} with ${JSON.stringify(changes)}, and passes`, async () => {
    const { warnings, passed } = await run({ ...requiredSettings(), REDIS_URL: 'redis://a', ...changes })
    assert.deepEqual([warnings, passed], [names, true])
  })

test('live, everything is asked, and it passes when everything answers', {
  skip: redisMissing,
}, async (t) => {
  const redis = await startRedis(t, { settings: ['--maxmemory-policy', 'noeviction'] })
  const upstream = await openUpstream(t)
  const { checks, passed, warnings } = await run(
    settingsFor(upstream, { VONAGE_TOKEN_URL: `${upstream.origin}/oauth2/token`, REDIS_URL: redis.url }),
    true,
  )
  assert.deepEqual(checks, {
    VONAGE_PRIVATE_KEY: 'ok',
    AUTH_ISSUER: 'ok',
    VONAGE_API_URL: 'ok',
    VONAGE_TOKEN_URL: 'ok',
    REDIS_URL: 'ok',
  })
  assert.deepEqual([passed, warnings], [true, []])
  assert.deepEqual(
    upstream.paths().sort(),
    ['/.well-known/openid-configuration', '/keys'],
    'Vonage got no request',
  )
})

test('live, a Redis that may evict is warned of, and one that is read-only fails', {
  skip: redisMissing,
}, async (t) => {
  const redis = await startRedis(t, { settings: ['--maxmemory-policy', 'allkeys-lru'] })
  const settings = listeningSettings({ REDIS_URL: redis.url })
  const evicting = await run(settings, true)
  assert.equal(evicting.checks.REDIS_URL, 'ok')
  assert.deepEqual(evicting.warnings, ['REDIS_URL'])
  await redis.command('REPLICAOF', '127.0.0.1', (await startRedis(t)).port)
  assert.equal((await run(settings, true)).checks.REDIS_URL, 'failed READONLY')
})

test('live, one node of a cluster fails, and says what to set', { skip: redisMissing }, async (t) => {
  const { urls } = await startRedisCluster(t)
  const [url = ''] = urls
  const alone = await run(listeningSettings({ REDIS_URL: url }), true)
  assert.match(alone.checks.REDIS_URL ?? '', /^failed .*REDIS_CLUSTER=true$/)
  const together = await run(listeningSettings({ REDIS_URL: url, REDIS_CLUSTER: 'true' }), true)
  assert.equal(together.checks.REDIS_URL, 'ok')
})

test('live, a Redis that wants another password is told by its code, without the password', {
  skip: redisMissing,
}, async (t) => {
  const redis = await startRedis(t, { settings: ['--requirepass', 'secret'] })
  const settings = listeningSettings({ REDIS_URL: redis.url.replace('//', '//:canary@') })
  const { checks, lines } = await run(settings, true)
  assert.equal(checks.REDIS_URL, 'failed WRONGPASS')
  assert.ok(!lines.join().includes('canary'))
})

test('live, what is not there is refused at once, each by its name and code', async () => {
  const { checks, passed, tookMs } = await run(
    listeningSettings({
      AUTH_JWKS_URI: `http://127.0.0.1:${await findFreePort()}`,
      VONAGE_API_URL: 'https://[::1]:1',
      REDIS_URL: 'redis://127.0.0.1:1',
    }),
    true,
  )
  assert.equal(passed, false)
  assert.ok(tookMs < deadlineMs)
  assert.equal(checks.VONAGE_PRIVATE_KEY, 'ok')
  for (const name of ['AUTH_JWKS_URI', 'VONAGE_TOKEN_URL', 'REDIS_URL'])
    assert.equal(checks[name], 'failed ECONNREFUSED', name)
  assert.match(checks.VONAGE_API_URL ?? '', /^failed E/)
})

test('live, a URL without a port means that of its scheme', async () => {
  const { checks } = await run(listeningSettings({ VONAGE_API_URL: 'https://127.0.0.1' }), true)
  assert.match(checks.VONAGE_API_URL ?? '', /^failed E/)
})

/** Accepts connections, and says nothing. */
async function openSilence(t: TestContext): Promise<{ port: number; sockets: Socket[] }> {
  const sockets: Socket[] = []
  const server = createServer((socket) => void sockets.push(socket.on('error', () => {}))).listen(
    0,
    '127.0.0.1',
  )
  t.after(() => {
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
    const { checks, tookMs } = await run(listeningSettings({ [name]: `${scheme}://127.0.0.1:${port}` }), true)
    assert.match(checks[name] ?? '', /^failed ./)
    if (scheme !== 'redis') assert.equal(checks[name], 'failed TIMEOUT')
    assert.ok(sockets.length > 0 && tookMs < deadlineMs + 1000, `${tookMs} ms`)
  })

test('live, a key set that holds no keys is told in our words, and one that is no JSON without a word of it', async (t) => {
  const server = await openDocumentServer(t, { '/empty': { keys: [] } })
  server.documents.set('/canary', (_: unknown, response: { end(text: string): void }) =>
    response.end('canary'),
  )
  const check = async (path: string) =>
    (await run(listeningSettings({ AUTH_JWKS_URI: server.origin + path }), true)).checks.AUTH_JWKS_URI
  assert.equal(await check('/empty'), 'failed no usable key in the key set')
  assert.equal(await check('/canary'), 'failed SyntaxError')
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
  t.after(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const settings = listeningSettings({
    VONAGE_API_URL: `https://localhost:${port}`,
    VONAGE_TOKEN_URL: `https://127.0.0.1:${port}/oauth2/token`,
  })
  const { checks } = await run(settings, true)
  for (const name of ['VONAGE_API_URL', 'VONAGE_TOKEN_URL'])
    assert.match(checks[name] ?? '', /^failed (UNABLE_TO_VERIFY|SELF_SIGNED|DEPTH_ZERO)/)
  assert.deepEqual(names, ['localhost'], 'a name is asked for by name, an address is not')
  assert.deepEqual(received, [])
})
