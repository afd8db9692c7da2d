/** The Redis client: what its URLs mean, how it finds a master, and what it tells of the server. */

import { networkInterfaces } from 'node:os'
import { Cluster, Redis } from 'ioredis'
import { test } from 'tap'
import { findServerFaults, type RedisClient } from '../../src/store/redis-client.ts'
import { confirm } from '../support/must.ts'
import { connected, openRedisClient } from '../support/redis-clients.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { contentsOf } from '../support/redis-contents.ts'
import { sentinelMaster, startSentinel } from '../support/redis-sentinel.ts'
import { redisMissing, startRedis } from '../support/redis-server.ts'

const options = { skip: redisMissing }
const loopback6 = Object.values(networkInterfaces()).some((all) =>
  all?.some(({ address }) => address === '::1'),
)

test('a URL without a port means 6379, and one without a path database 0', async (t) => {
  const { client } = openRedisClient(t, ['redis://redis.invalid'])
  confirm(t, client instanceof Redis)
  t.strictSame([client.options.host, client.options.port, client.options.db], ['redis.invalid', 6379, 0])
})

test('several URLs mean a cluster', async (t) => {
  const { client } = openRedisClient(t, ['redis://redis.invalid:7000', 'redis://redis.invalid'])
  t.ok(client instanceof Cluster)
})

test('rediss:// of sentinels means TLS to them and to the master', async (t) => {
  const tls = { ca: 'a PEM', cert: undefined, key: undefined }
  const { client } = openRedisClient(t, ['rediss://redis.invalid'], { sentinelMaster, tls })
  confirm(t, client instanceof Redis)
  const { sentinels, name, sentinelTLS, enableTLSForSentinelMode } = client.options
  t.strictSame([sentinels, name], [[{ host: 'redis.invalid', port: 6379 }], sentinelMaster])
  t.strictSame([client.options.tls, sentinelTLS, enableTLSForSentinelMode], [tls, tls, true])
})

test('the path of a URL is the number of the database', options, async (t) => {
  const redis = await startRedis(t)
  const client = await connected(openRedisClient(t, [`${redis.url}/5`]))
  await client.set('a-key', 'x')
  t.match(String(await redis.command('INFO', 'keyspace')), /^db5:keys=1/m)
})

const noLoopback6 = loopback6 ? false : 'there is no ::1 here'
test('a host may be an IPv6 address', { skip: redisMissing || noLoopback6 }, async (t) => {
  const { port } = await startRedis(t, { settings: ['--bind', '127.0.0.1', '::1'] })
  const client = await connected(openRedisClient(t, [`redis://[::1]:${port}`]))
  t.equal(await client.ping(), 'PONG')
})

test('a connection that fails is reported, and tried again in the background', options, async (t) => {
  const redis = await startRedis(t)
  await redis.kill()
  const opened = openRedisClient(t, [redis.url])
  await new Promise((resolve) => opened.client.once('error', resolve))
  t.equal((opened.errors[0] as NodeJS.ErrnoException).code, 'ECONNREFUSED')
  await redis.start()
  t.equal(await (await connected(opened)).ping(), 'PONG')
})

test('the master is found through a sentinel', options, async (t) => {
  const master = await startRedis(t)
  const sentinel = await startSentinel(t, master.port)
  const client = await connected(openRedisClient(t, [sentinel.url], { sentinelMaster }))
  await client.set('a-key', 'x')
  t.equal((await contentsOf(master)).length, 1)
})

for (const [policy, faults] of [
  ['noeviction', {}],
  ['allkeys-lru', { evicting: 'allkeys-lru' }],
  ['volatile-ttl', { evicting: 'volatile-ttl' }],
] as const)
  test(`a server with the policy ${policy} has ${Object.keys(faults).length} faults`, options, async (t) => {
    const redis = await startRedis(t, { settings: ['--maxmemory-policy', policy] })
    t.strictSame(await findServerFaults(await connected(openRedisClient(t, [redis.url]))), faults)
  })

test('one node of a cluster is a fault, unless the client knows', options, async (t) => {
  const { urls } = await startRedisCluster(t)
  const [url = ''] = urls
  const single = await connected(openRedisClient(t, [url]))
  t.strictSame(await findServerFaults(single), { clusterNode: true })
  const client = await connected(openRedisClient(t, [url], { cluster: true }))
  t.strictSame(await findServerFaults(client), {})
  for (let n = 0; n < 50; n++) t.equal(await client.set(`key-${n}`, 'x'), 'OK', 'whichever node has it')
})

for (const [kind, info] of [
  ['does not say', async () => '# Memory\r\nused_memory:1\r\n'],
  ['does not let us ask', () => Promise.reject(new Error('NOPERM'))],
] as const)
  test(`a server that ${kind} what it evicts has no faults`, async (t) => {
    t.strictSame(await findServerFaults({ info } as unknown as RedisClient), {})
  })
