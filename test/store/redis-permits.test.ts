/** Permits of the quota for all replicas: how they are spaced, and what happens while Redis is away. */
import { type Test, test } from 'tap'
import type { RedisClient } from '../../src/store/redis-client.ts'
import { createRedisPermits } from '../../src/store/redis-permits.ts'
import { spacingMs } from '../../src/vonage/quota.ts'
import { createFakeClock } from '../support/clock.ts'
import { fail } from '../support/must.ts'
import { connected, openRedisClient } from '../support/redis-clients.ts'
import { contentsOf } from '../support/redis-contents.ts'
import { redisMissing, startRedis } from '../support/redis-server.ts'
import { mostInASecond, takeAll } from '../support/sliding-second.ts'
import { systemClock } from '../support/system-clock.ts'

const options = { skip: redisMissing }
const perSecond = 10
const spacing = spacingMs(perSecond)

async function openPermits(t: Test, urls: string[], quota = perSecond) {
  const client = await connected(openRedisClient(t, urls))
  return createRedisPermits({ client, spacingMs: spacingMs(quota), clock: systemClock })
}

test('three replicas that take all they get are given evenly spaced permits', options, async (t) => {
  const redis = await startRedis(t)
  const replicas = await Promise.all([1, 2, 3].map(() => openPermits(t, [redis.url], 50)))
  const untilMs = performance.now() + 1300
  const takenAtMs = (await Promise.all(replicas.map((permits) => takeAll(permits, untilMs)))).flat()
  t.ok(mostInASecond(takenAtMs) <= 50, `${mostInASecond(takenAtMs)} in a second`)
  // One every 22 ms; a timer that is late costs the permit some milliseconds.
  t.ok(takenAtMs.length > 40, `${takenAtMs.length} in 1.3 s`)
})

test('the wait that is told is the time to the next permit', options, async (t) => {
  const redis = await startRedis(t)
  const [one, other] = [await openPermits(t, [redis.url], 1), await openPermits(t, [redis.url], 1)]
  t.equal(await one.take(), 0)
  for (const permits of [one, other]) {
    const waitMs = await permits.take()
    t.ok(waitMs > 100 && waitMs <= 1100, `${waitMs} ms`)
  }
})

test('a pause holds for all replicas, and does not shorten a longer one', options, async (t) => {
  const redis = await startRedis(t)
  const [one, other] = [await openPermits(t, [redis.url]), await openPermits(t, [redis.url])]
  await one.pause(5000)
  await other.pause(1000)
  for (const permits of [one, other]) {
    const waitMs = await permits.take()
    t.ok(waitMs > 3000 && waitMs <= 5000, `${waitMs} ms`)
  }
})

test('a time too far ahead to be true is forgotten, and the key has an end', options, async (t) => {
  const redis = await startRedis(t)
  const permits = await openPermits(t, [redis.url])
  await redis.command('SET', 'nebff:quota', Date.now() + 121_000)
  t.equal(await permits.take(), 0)
  const [{ key, value, ttlMs } = fail()] = await contentsOf(redis)
  t.equal(key, 'nebff:quota')
  t.ok(Math.abs(Number(value) - Date.now() - spacing) < 500, 'the time of the next permit')
  t.ok(ttlMs > 119_000 && ttlMs <= 120_000)
})

test('while Redis dies and comes back, no second has more than the quota', options, async (t) => {
  const redis = await startRedis(t)
  const early = await Promise.all([openPermits(t, [redis.url]), openPermits(t, [redis.url])])
  const startedAtMs = performance.now()
  const untilMs = startedAtMs + 4500
  const taking = early.map((permits) => takeAll(permits, untilMs))
  await sleepUntil(startedAtMs + 700)
  await redis.kill()
  const diedAtMs = performance.now()
  await sleepUntil(startedAtMs + 1000)
  // A replica that starts meanwhile looks for Redis at other times than the others.
  const { client } = openRedisClient(t, [redis.url])
  taking.push(takeAll(createRedisPermits({ client, spacingMs: spacing, clock: systemClock }), untilMs))
  await sleepUntil(startedAtMs + 2200)
  await redis.start()
  const backAtMs = performance.now()
  const takenAtMs = (await Promise.all(taking)).flat()
  t.ok(mostInASecond(takenAtMs) <= perSecond, `${mostInASecond(takenAtMs)} in a second`)
  const within = (fromMs: number, toMs: number) =>
    takenAtMs.filter((time) => time > fromMs && time < toMs).length
  t.ok(within(startedAtMs, diedAtMs) >= 5, 'shared before')
  t.equal(within(diedAtMs + 10, diedAtMs + 990), 0, 'none until the shared ones are out of the second')
  const meanwhile = within(diedAtMs + 990, backAtMs)
  t.ok(meanwhile >= 1 && meanwhile <= 6, `a tenth each meanwhile: ${meanwhile}`)
  t.ok(within(backAtMs + 1500, untilMs) >= 5, 'shared again within 2 s')
})

async function sleepUntil(timeMs: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, timeMs - performance.now())))
}

/** A Redis that answers or not as the test says, for the steps of a change that no real one can be held at. */
function withSwitchedRedis() {
  const redis = { up: true, asked: 0 }
  const answer = async <T>(value: T): Promise<T> => (redis.up ? value : Promise.reject(new Error('away')))
  const client = {
    defineCommand() {},
    exists: () => answer(1),
    takePermit() {
      redis.asked += 1
      return answer(0)
    },
    pausePermits: () => answer('OK'),
  } as unknown as RedisClient
  const clock = createFakeClock()
  return { redis, clock, permits: createRedisPermits({ client, spacingMs: spacing, clock }) }
}

test('without Redis a replica takes a tenth of the quota, and none in the first second', async (t) => {
  const { redis, clock, permits } = withSwitchedRedis()
  t.equal(await permits.take(), 0)
  redis.up = false
  for (const [advanceMs, waitMs] of [
    [0, 250],
    [700, 250],
    [299, 1],
    [1, 0],
    [0, 250],
    [1000, 100],
    [99, 1],
    [1, 0],
  ] as const) {
    clock.advance(advanceMs)
    t.equal(await permits.take(), waitMs)
  }
})

test('a replica that finds Redis again first waits for the others and for the sliding second', async (t) => {
  const { redis, clock, permits } = withSwitchedRedis()
  redis.up = false
  await permits.take()
  redis.up = true
  t.equal(await permits.take(), 1300)
  t.equal(redis.asked, 1, 'Redis was not asked for a permit')
  clock.advance(1300)
  t.equal(await permits.take(), 0)
  t.equal(redis.asked, 2)
})

test('a pause holds without Redis too, and nobody fails for it', async (t) => {
  const { redis, clock, permits } = withSwitchedRedis()
  redis.up = false
  await permits.pause(30_000)
  t.equal(await permits.take(), 30_000)
  await permits.pause(10_000)
  clock.advance(29_999)
  t.equal(await permits.take(), 1)
  clock.advance(1)
  t.equal(await permits.take(), 0)
})
