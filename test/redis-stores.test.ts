/** Where state, limits and quota are kept with REDIS_URL: in Redis and nowhere else. */
import { type Test, test } from 'tap'
import { mintState } from '../src/core/state.ts'
import { rejectsWith } from './support/failure.ts'
import { findFreePort } from './support/free-port.ts'
import { openStoresOf } from './support/open-stores.ts'
import { untilItWorks } from './support/redis-clients.ts'
import { startRedisCluster } from './support/redis-cluster.ts'
import { contentsOf, forwardScores } from './support/redis-contents.ts'
import { sentinelMaster, startSentinel } from './support/redis-sentinel.ts'
import { type RedisServer, redisMissing, startRedis } from './support/redis-server.ts'
import { recordSpans } from './support/spans.ts'
import { pendingVerification, resultOf } from './support/state-store-contract.ts'
import { createTlsFiles, redisTlsMissing } from './support/tls-files.ts'

const options = { skip: redisMissing }
const pending = pendingVerification(1)

/** Uses everything once. */
async function useAll(
  t: Test,
  { store, counters, permits }: Awaited<ReturnType<typeof openStoresOf>>,
): Promise<void> {
  const state = mintState()
  await untilItWorks(() => store.put('alice', state, pending), 2000)
  await store.put('alice', mintState(), pending)
  await store.take('alice', state)
  await store.keepResult('alice', state, 'a-code', resultOf(true))
  await counters.hit('address:x', 60_000)
  await counters.admit('distinct-numbers:x', 'y', 3, 60_000)
  t.equal(await permits.take(), 0)
}

const usedKeys = [
  'nebff:finished:H',
  'nebff:limit:address:x',
  'nebff:limit:distinct-numbers:x',
  'nebff:quota',
  'nebff:state:H',
  'nebff:states:D',
]

const nameless = (key: string) => key.replace(/:[\w-]{22}$/, ':D').replace(/:[\w-]{43}$/, ':H')

test('with REDIS_URL all is in Redis, under the settings', options, async (t) => {
  const redis = await startRedis(t)
  const settings = { REDIS_URL: redis.url, STATE_TTL_SECONDS: '100', VONAGE_REQUESTS_PER_SECOND: '1' }
  const opened = await openStoresOf(t, settings)
  await useAll(t, opened)
  const entries = await contentsOf(redis)
  t.strictSame(entries.map(({ key }) => nameless(key)).sort(), usedKeys)
  const record = entries.find(({ key }) => key.includes(':state:'))
  t.ok(record && record.ttlMs > 98_000 && record.ttlMs <= 100_000)
  const waitMs = await opened.permits.take()
  t.ok(waitMs > 100 && waitMs <= 1100, `${waitMs} ms`)
  t.strictSame(opened.log.lines, [])
})

test('two replicas with the same settings share all of it', options, async (t) => {
  const redis = await startRedis(t)
  const settings = { REDIS_URL: redis.url, STATE_MAX_PER_CALLER: '2', VONAGE_REQUESTS_PER_SECOND: '1' }
  const [one, other] = [await openStoresOf(t, settings), await openStoresOf(t, settings)]
  await useAll(t, one)
  const states = Array.from({ length: 3 }, mintState)
  for (const state of states) await untilItWorks(() => other.store.put('bob', state, pending), 2000)
  const taken = []
  for (const state of states) taken.push((await one.store.take('bob', state)) !== undefined)
  t.strictSame(taken, [false, true, true])
  t.equal((await other.counters.hit('address:x', 60_000)).hits, 2)
  t.ok((await other.permits.take()) > 0)
})

test(
  'a Redis that is away is store_unavailable and never memory, and the log does not name its password',
  options,
  async (t) => {
    const url = `redis://canary-user:canary-password@127.0.0.1:${await findFreePort()}/`
    const { store, counters, log } = await openStoresOf(t, { REDIS_URL: url })
    const state = mintState()
    await rejectsWith(t, store.put('alice', state, pending), 'store_unavailable')
    await rejectsWith(t, store.take('alice', state), 'store_unavailable')
    await rejectsWith(t, store.ping(), 'store_unavailable')
    t.equal((await counters.hit('x', 1000)).hits, 1, 'limits go on')
    while (log.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    const [line] = log.entries()
    t.strictSame([line?.level, line?.reason], ['warn', 'ECONNREFUSED'])
    t.ok(!log.lines.join('').includes('canary'))
  },
)

test('a Redis that may evict live states is warned of, once a connection', options, async (t) => {
  const redis = await startRedis(t, { settings: ['--maxmemory-policy', 'allkeys-lru'] })
  const opened = await openStoresOf(t, { REDIS_URL: redis.url })
  await untilItWorks(() => opened.store.ping(), 2000)
  while (opened.log.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  const lines = opened.log.entries().map(({ level }) => level)
  t.strictSame(lines, ['warn'])
  t.match(opened.log.lines[0] ?? '', /"policy":"allkeys-lru"/)
})

for (const [fault, spoil, reason] of [
  [
    'another password',
    ({ command }: RedisServer) => command('CONFIG', 'SET', 'requirepass', 'other'),
    'NOAUTH',
  ],
  ['no rights', ({ command }: RedisServer) => command('ACL', 'SETUSER', 'default', 'resetkeys'), 'NOPERM'],
] as const)
  test(
    `a Redis with ${fault} is told of at the start, by name, before anybody is refused`,
    options,
    async (t) => {
      const redis = await startRedis(t)
      await spoil(redis)
      const { log } = await openStoresOf(t, { REDIS_URL: redis.url })
      while (!log.entries().some((line) => line.reason === reason))
        await new Promise((resolve) => setTimeout(resolve, 5))
      const line = log.entries().find((entry) => entry.reason === reason)
      t.equal(line?.level, 'warn')
      t.equal(typeof line?.remedy, 'string')
      t.equal(line?.err, undefined)
    },
  )

test('a full Redis is told of by name when a start fails', options, async (t) => {
  const redis = await startRedis(t)
  const { store, log } = await openStoresOf(t, { REDIS_URL: redis.url })
  await untilItWorks(() => store.ping(), 2000)
  await redis.command('CONFIG', 'SET', 'maxmemory', '1')
  const failure = await rejectsWith(t, store.put('alice', mintState(), pending), 'store_unavailable')
  t.equal(failure.note, 'OOM')
  t.ok(log.entries().some(({ reason }) => reason === 'OOM'))
})

test(
  'one node of a cluster as REDIS_URL is never ready, and the log says what to set',
  options,
  async (t) => {
    const { urls } = await startRedisCluster(t)
    for (const url of urls) {
      const { store, log } = await openStoresOf(t, { REDIS_URL: url })
      while (!log.entries().some(({ level }) => level === 'error'))
        await new Promise((resolve) => setTimeout(resolve, 5))
      await rejectsWith(t, store.ping(), 'store_unavailable')
    }
    const opened = await openStoresOf(t, { REDIS_URL: urls[0] ?? '', REDIS_CLUSTER: 'true' })
    await untilItWorks(() => opened.store.ping(), 2000)
    for (let n = 0; n < 30; n++)
      await untilItWorks(() => opened.store.put(`subject-${n}`, mintState(), pending), 2000)
  },
)

test('REDIS_SENTINEL_MASTER means that the URL names a sentinel', options, async (t) => {
  const master = await startRedis(t)
  const sentinel = await startSentinel(t, master.port)
  const opened = await openStoresOf(t, { REDIS_URL: sentinel.url, REDIS_SENTINEL_MASTER: sentinelMaster })
  await useAll(t, opened)
  t.equal((await contentsOf(master)).length, usedKeys.length)
})

test('the PEMs of the settings are those of rediss://', { skip: redisTlsMissing }, async (t) => {
  const { tls, serverSettings } = createTlsFiles(t)
  const redis = await startRedis(t, {
    portOption: '--tls-port',
    settings: serverSettings,
    client: { tls },
  })
  const opened = await openStoresOf(t, {
    REDIS_URL: redis.url.replace('redis:', 'rediss:'),
    REDIS_CA: tls.ca,
    REDIS_CERTIFICATE: tls.cert.replaceAll('\n', '\\n'),
    REDIS_KEY: tls.key,
  })
  await useAll(t, opened)
  t.equal((await contentsOf(redis)).length, usedKeys.length)
})

test('after closing nothing is asked of Redis any more', options, async (t) => {
  const redis = await startRedis(t)
  const { store, close } = await openStoresOf(t, { REDIS_URL: redis.url })
  await untilItWorks(() => store.ping(), 2000)
  await close()
  await rejectsWith(t, store.ping(), 'store_unavailable')
  await untilItWorks(async () => {
    const clients = String(await redis.command('INFO', 'clients'))
    if (!/^connected_clients:1\r$/m.test(clients)) throw new Error('still connected')
  }, 2000)
})

test('with REDIS_URL devices that are out are counted there, and live states are not', options, async (t) => {
  const redis = await startRedis(t)
  const { store, landings, liveStates, seen } = await openStoresOf(t, { REDIS_URL: redis.url })
  await untilItWorks(() => store.ping(), 2000)
  landings.expect(mintState())
  await landings.countExpired()
  await forwardScores(redis, 'nebff:landings', 400_000)
  await landings.countExpired()
  t.strictSame(seen, [{ name: 'verification.expired_without_landing', count: 1 }])
  t.equal(liveStates(), undefined)
})

test('where tracing is on, what is asked of Redis is a span', options, async (t) => {
  const redis = await startRedis(t)
  const { inSpan, spans } = recordSpans()
  await useAll(t, await openStoresOf(t, { REDIS_URL: redis.url }, inSpan))
  const names = new Set(spans.map(({ name }) => name))
  for (const method of [
    'state.put',
    'state.take',
    'state.keepResult',
    'limit.hit',
    'limit.admit',
    'quota.take',
  ])
    t.ok(names.has(`redis ${method}`), method)
})
