/** The devices of all replicas that are still out, in Redis. */
import { test } from 'tap'
import type { EventSink } from '../../src/core/events.ts'
import { mintState } from '../../src/core/state.ts'
import { createRedisLandings } from '../../src/store/redis-landings.ts'
import { landingsContract, ttlSeconds } from '../support/landings-contract.ts'
import { connected, openRedisClient } from '../support/redis-clients.ts'
import { contentsOf, forwardScores, passTime } from '../support/redis-contents.ts'
import { type Owner, type RedisServer, redisMissing, startRedis } from '../support/redis-server.ts'
import { recordEvents } from '../support/unobserved.ts'

const options = { skip: redisMissing }

async function openLandings(owner: Owner, { url }: RedisServer, events: EventSink) {
  const client = await connected(openRedisClient(owner, [url]))
  return createRedisLandings({ client, ttlSeconds, events })
}

if (redisMissing) test('landings in Redis', options, async () => {})
else
  landingsContract('landings in Redis', async (t, events) => {
    const redis = await startRedis(t)
    return {
      landings: await openLandings(t, redis, events),
      advance: (ms) => forwardScores(redis, 'nebff:landings', ms),
    }
  })

test('a device may land at another replica, and what ends is counted by one of them', options, async (t) => {
  const redis = await startRedis(t)
  const { events, seen } = recordEvents()
  const replicas = [await openLandings(t, redis, events), await openLandings(t, redis, events)] as const
  const state = mintState()
  replicas[0].expect(state)
  replicas[0].expect(mintState())
  await replicas[0].countExpired()
  replicas[1].land(state)
  await replicas[1].countExpired()
  await forwardScores(redis, 'nebff:landings', 2 * 1000 * ttlSeconds)
  await Promise.all(replicas.map((landings) => landings.countExpired()))
  t.strictSame(seen, [{ name: 'verification.expired_without_landing', count: 1 }])
})

test('Redis holds no state, and nothing for ever', options, async (t) => {
  const redis = await startRedis(t)
  const landings = await openLandings(t, redis, () => {})
  const state = mintState()
  landings.expect(state)
  await landings.countExpired()
  const contents = await contentsOf(redis)
  t.strictSame(
    contents.map(({ key, kind }) => [key, kind]),
    [['nebff:landings', 'zset']],
  )
  t.ok(!JSON.stringify(contents).includes(state))
  await passTime(redis, 2 * 1000 * ttlSeconds)
  t.strictSame(await contentsOf(redis), [])
})

test('without Redis nothing is counted, and nothing fails', options, async (t) => {
  const redis = await startRedis(t)
  const { events, seen } = recordEvents()
  const landings = await openLandings(t, redis, events)
  await redis.kill()
  landings.expect(mintState())
  landings.land(mintState())
  await landings.countExpired()
  t.strictSame(seen, [])
})
