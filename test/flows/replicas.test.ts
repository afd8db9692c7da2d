/** Three real processes of the service on one Redis: what one begins another ends, and trouble of one or of Redis passes. */
import { test } from 'tap'
import { redisMissing, startRedis } from '../support/redis-server.ts'
import {
  print,
  proveCrossing,
  proveKill,
  proveOutage,
  proveQuota,
  proveRaces,
  proveSwitch,
} from '../support/replica-proofs.ts'
import { openReplicas } from '../support/replicas.ts'

test('three replicas on one Redis', { skip: redisMissing }, async (t) => {
  const redis = await startRedis(t)
  const world = await openReplicas(t, { REDIS_URL: redis.url })

  await t.test(
    '100 verifications end elsewhere than they began, and nothing of them is readable',
    async (t) => {
      t.comment(print(await proveCrossing(t, world, redis, 100)))
    },
  )

  await t.test(
    '200 parallel finishes cost one exchange and one signature and get equal answers, in each of 5 rounds',
    async (t) => {
      t.comment(print(await proveRaces(t, world, 5)))
    },
  )

  await t.test('every request is answered while Redis hangs, and all is well within 2 s after', async (t) => {
    t.comment(print(await proveOutage(t, world, 1500, redis.freeze, redis.thaw)))
  })

  await t.test(
    'every request is answered while Redis is gone, and all is well within 2 s after',
    async (t) => {
      t.comment(print(await proveOutage(t, world, 1000, redis.kill, redis.start)))
    },
  )

  await t.test('what a replica began before it was killed ends at the others', async (t) => {
    t.comment(print(await proveKill(t, world)))
  })
})

test('three replicas with Verify on one Redis', { skip: redisMissing }, async (t) => {
  const redis = await startRedis(t)
  const world = await openReplicas(t, { REDIS_URL: redis.url, VONAGE_PRODUCT: 'verify' })

  await t.test(
    '30 verifications end elsewhere than they began, and nothing of them is readable',
    async (t) => {
      t.comment(print(await proveCrossing(t, world, redis, 30)))
    },
  )

  await t.test(
    '200 parallel finishes cost one check and one signature and get equal answers, in each of 5 rounds',
    async (t) => {
      t.comment(print(await proveRaces(t, world, 5)))
    },
  )

  await t.test('what a replica began before it was killed ends at the others', async (t) => {
    t.comment(print(await proveKill(t, world)))
  })
})

test('a fleet that goes to Verify and back under load loses no verification', {
  skip: redisMissing,
}, async (t) => {
  const redis = await startRedis(t)
  const world = await openReplicas(t, { REDIS_URL: redis.url }, { count: 2 })
  t.comment(print(await proveSwitch(t, world, 300)))
})

test('three replicas keep the quota of one account together', { skip: redisMissing }, async (t) => {
  const redis = await startRedis(t)
  const settings = { VONAGE_REQUESTS_PER_SECOND: '10', START_TIMEOUT_MS: '1000' }
  const world = await openReplicas(t, { REDIS_URL: redis.url, ...settings })
  const figures = await proveQuota(t, world, { seconds: 3 })
  t.comment(print(figures))
  t.ok((figures.reachedTheOperator ?? 0) >= 15)
})
