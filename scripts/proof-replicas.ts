/**
 * Measures for minutes what test/flows/replicas.test.ts sees in seconds, and what takes longer than a test may: a change of
 * master, a long outage, a replica that drains behind a load balancer. For a quiet machine with redis-server, and for the drain
 * haproxy and wrk. Run by `npm run proof:replicas`.
 */

import { setTimeout } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { drainToolsMissing, proveDrain } from '../test/support/drain-proof.ts'
import { sentinelMaster, startSentinel } from '../test/support/redis-sentinel.ts'
import { type RedisServer, redisMissing, startRedis } from '../test/support/redis-server.ts'
import {
  print,
  proveCrossing,
  proveFailover,
  proveKill,
  proveOutage,
  proveQuota,
  proveRaces,
  proveSwitch,
} from '../test/support/replica-proofs.ts'
import { openReplicas } from '../test/support/replicas.ts'
import { proveGuesses, proveOneMessage, smsSettings } from '../test/support/sms-proofs.ts'

const options = { skip: redisMissing }

async function open(t: Test, settings: Record<string, string> = {}) {
  const redis = await startRedis(t)
  return { redis, world: await openReplicas(t, { REDIS_URL: redis.url, ...settings }) }
}

test('1,000 verifications that end elsewhere than they began', options, async (t) => {
  const { redis, world } = await open(t)
  t.comment(print(await proveCrossing(t, world, redis, 1000)))
})

test('100 parallel finishes, in each of 200 rounds', options, async (t) => {
  const { world } = await open(t)
  t.comment(print(await proveRaces(t, world, 200)))
})

test('100 parallel finishes with Verify, in each of 200 rounds', options, async (t) => {
  const { world } = await open(t, { VONAGE_PRODUCT: 'verify' })
  t.comment(print(await proveRaces(t, world, 200)))
})

test('a fleet that goes to Verify and back under load', options, async (t) => {
  const { world } = await open(t)
  t.comment(print(await proveSwitch(t, world, 3000)))
})

test('a replica that is killed', options, async (t) => {
  const { world } = await open(t)
  t.comment(print(await proveKill(t, world)))
})

test('a Redis that hangs for 10 s', options, async (t) => {
  const { redis, world } = await open(t)
  t.comment(print(await proveOutage(t, world, 10_000, redis.freeze, redis.thaw)))
})

test('a Redis that is gone for 10 s', options, async (t) => {
  const { redis, world } = await open(t)
  t.comment(print(await proveOutage(t, world, 10_000, redis.kill, redis.start)))
})

test('200 starts a second for 20 s with a quota of 10', options, async (t) => {
  const { world } = await open(t, { VONAGE_REQUESTS_PER_SECOND: '10' })
  const figures = await proveQuota(t, world, { seconds: 20 })
  t.comment(print(figures))
  t.ok((figures.reachedTheOperator ?? 0) > 160)
  t.ok((figures.refusalP99Ms ?? 0) < 50, 'refused at once')
})

test('the same while Redis dies half way, and comes back 3 s later', options, async (t) => {
  const { redis, world } = await open(t, { VONAGE_REQUESTS_PER_SECOND: '10' })
  const figures = await proveQuota(t, world, { seconds: 20 }, async () => {
    await redis.kill()
    await setTimeout(3000)
    await redis.start()
  })
  t.comment(print(figures))
})

test('a master that is killed, with a replica and three sentinels', options, async (t) => {
  const master = await startRedis(t)
  await startRedis(t, { settings: ['--replicaof', '127.0.0.1', String(master.port)] })
  const sentinels: RedisServer[] = []
  for (let n = 0; n < 3; n++) sentinels.push(await startSentinel(t, master.port, { quorum: 2 }))
  // Until they know of the replica and of each other.
  while (!(await Promise.all(sentinels.map(knowsAll))).every(Boolean)) await setTimeout(100)
  const urls = sentinels.map(({ url }) => url).join(',')
  const world = await openReplicas(t, { REDIS_URL: urls, REDIS_SENTINEL_MASTER: sentinelMaster })
  t.comment(print(await proveFailover(t, world, master.kill)))

  async function knowsAll({ command }: RedisServer): Promise<boolean> {
    const facts = ((await command('SENTINEL', 'MASTER', sentinelMaster)) as string[]).join(' ')
    return facts.includes('num-slaves 1 ') && facts.includes('num-other-sentinels 2 ')
  }
})

test(
  '200 parallel wrong codes, in each of 50 rounds, and 1,000 repeats of one request for a message',
  options,
  async (t) => {
    const { world } = await open(t, smsSettings)
    t.comment(print(await proveGuesses(t, world, 50)))
    t.comment(print(await proveOneMessage(t, world, 1000)))
  },
)

test('a replica that gets SIGTERM under load', { skip: drainToolsMissing }, async (t) => {
  t.comment(print(await proveDrain(t, { seconds: 10, stopAfterMs: 3000, delayMs: 3000 })))
})
