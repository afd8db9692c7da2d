/** The starts under way of all replicas: the contract, and what whoever reads or writes Redis can do with them. */
import { test } from 'tap'
import { createKeyedDigest } from '../../src/core/keyed-digest.ts'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { createRedisStarts } from '../../src/store/redis-starts.ts'
import { rejectsWith } from '../support/failure.ts'
import { fail } from '../support/must.ts'
import { connected, openRedisClient } from '../support/redis-clients.ts'
import { contentsOf, passTime, watchRedis } from '../support/redis-contents.ts'
import { redisMissing, startRedis } from '../support/redis-server.ts'
import { startsContract } from '../support/starts-contract.ts'

const number = parsePhoneNumber('+99055500123') ?? fail()
const start = { requestId: 'canary-id', authUrl: 'https://canary.example/' }
const digest = createKeyedDigest('a secret')

if (redisMissing) test('starts in Redis', { skip: redisMissing }, async () => {})
else defineTests()

function defineTests(): void {
  startsContract('Redis', async (t) => {
    const redis = await startRedis(t)
    const client = await connected(openRedisClient(t, [redis.url]))
    return {
      starts: createRedisStarts({ client, digest }),
      advance: (ms) => passTime(redis, ms),
      expirySlackMs: 2000,
    }
  })

  test('nothing of a start is readable in Redis, and one that was moved or made up is none', async (t) => {
    const redis = await startRedis(t)
    const seen = await watchRedis(t, redis)
    const client = await connected(openRedisClient(t, [redis.url]))
    const starts = createRedisStarts({ client, digest })
    await starts.keep('silent', 'canary-subject', number, start, 60)
    await starts.keep('silent', 'bob', number, start, 60)
    const entries = await contentsOf(redis)
    const readable = JSON.stringify(entries) + seen.join('\n')
    t.equal(entries.length, 2)
    for (const secret of ['canary', '55500123']) t.ok(!readable.includes(secret), secret)
    const [one, two] = entries
    await redis.command('SET', one?.key ?? '', String(two?.value))
    await redis.command('SET', two?.key ?? '', '{"r":"an-id","u":"https://evil.example/"}')
    t.equal(await starts.find('silent', 'canary-subject', number), undefined)
    t.equal(await starts.find('silent', 'bob', number), undefined)
  })

  test('a Redis that is away is store_unavailable, and is reported', async (t) => {
    const redis = await startRedis(t)
    const client = await connected(openRedisClient(t, [redis.url]))
    const failures: unknown[] = []
    const starts = createRedisStarts({ client, digest, onFailure: (error) => failures.push(error) })
    await redis.kill()
    await rejectsWith(t, starts.find('silent', 'alice', number), 'store_unavailable')
    await rejectsWith(t, starts.keep('silent', 'alice', number, start, 60), 'store_unavailable')
    await rejectsWith(t, starts.drop('silent', 'alice', number), 'store_unavailable')
    t.equal(failures.length, 3)
  })
}
