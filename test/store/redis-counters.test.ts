/** The counters of all replicas: the contract of counters, what is readable in Redis, and counting without it. */
import { type Test, test } from 'tap'
import { createMemoryCounters } from '../../src/store/memory-counters.ts'
import { createRedisCounters } from '../../src/store/redis-counters.ts'
import { createFakeClock } from '../support/clock.ts'
import { countersContract } from '../support/counters-contract.ts'
import { connected, openRedisClient, untilItWorks } from '../support/redis-clients.ts'
import { contentsOf, passTime } from '../support/redis-contents.ts'
import { type RedisServer, redisMissing, startRedis } from '../support/redis-server.ts'

const options = { skip: redisMissing }
const [minuteMs, dayMs] = [60_000, 86_400_000]

async function openCounters(t: Test, { url }: RedisServer) {
  const client = await connected(openRedisClient(t, [url]))
  return createRedisCounters({ client, local: createMemoryCounters({ clock: createFakeClock() }) })
}

if (redisMissing) test('the Redis counters', options, async () => {})
else
  countersContract('Redis counters', async (t) => {
    const redis = await startRedis(t)
    return { counters: await openCounters(t, redis), advance: (ms) => passTime(redis, ms), slackMs: 2000 }
  })

test('replicas count together', options, async (t) => {
  const redis = await startRedis(t)
  const replicas = [await openCounters(t, redis), await openCounters(t, redis), await openCounters(t, redis)]
  const hits = []
  for (const counters of [...replicas, ...replicas])
    hits.push((await counters.hit('address:x', minuteMs)).hits)
  t.strictSame(hits, [1, 2, 3, 4, 5, 6])
  const admitted = []
  for (const [n, counters] of replicas.entries())
    admitted.push((await counters.admit('distinct-numbers:x', `number-${n}`, 2, dayMs)).admitted)
  t.strictSame(admitted, [true, true, false])
})

test('every counter has an end, and one that is refused makes no key', options, async (t) => {
  const redis = await startRedis(t)
  const counters = await openCounters(t, redis)
  await counters.hit('address:x', minuteMs)
  await counters.admit('distinct-numbers:x', 'a', 1, dayMs)
  await counters.admit('distinct-numbers:x', 'b', 1, dayMs)
  await counters.admit('distinct-numbers:y', 'b', 0, dayMs)
  const entries = await contentsOf(redis)
  t.strictSame(entries.map(({ key, kind, value }) => [key, kind, value]).sort(), [
    ['nebff:limit:address:x', 'string', '1'],
    ['nebff:limit:distinct-numbers:x', 'set', '["a"]'],
  ])
  for (const { key, ttlMs } of entries) {
    const windowMs = key.includes('address') ? minuteMs : dayMs
    t.ok(ttlMs > windowMs - 2000 && ttlMs <= windowMs)
  }
})

for (const [kind, breakIt, mendIt] of [
  ['is gone', ({ kill }: RedisServer) => kill(), ({ start }: RedisServer) => start()],
  ['hangs', async ({ freeze }: RedisServer) => freeze(), async ({ thaw }: RedisServer) => thaw()],
  [
    'is full',
    ({ command }: RedisServer) => command('CONFIG', 'SET', 'maxmemory', '1'),
    ({ command }: RedisServer) => command('CONFIG', 'SET', 'maxmemory', '0'),
  ],
] as const)
  test(`each replica counts for itself while Redis ${kind}, and together again after`, options, async (t) => {
    const redis = await startRedis(t)
    const [one, other] = [await openCounters(t, redis), await openCounters(t, redis)]
    await one.hit('address:x', minuteMs)
    await breakIt(redis)
    for (const counters of [one, other]) {
      for (let n = 1; n <= 3; n++) t.equal((await counters.hit('address:x', minuteMs)).hits, n)
      const admitted = []
      for (const member of ['a', 'b', 'a'])
        admitted.push((await counters.admit('distinct-numbers:x', member, 1, dayMs)).admitted)
      t.strictSame(admitted, [true, false, true])
    }
    await mendIt(redis)
    await untilItWorks(async () => {
      const before = (await one.hit('address:y', minuteMs)).hits
      if ((await other.hit('address:y', minuteMs)).hits !== before + 1) throw new Error('not together yet')
    }, 2000)
  })
