/** Codes by text message at three real processes on one Redis: guesses, messages and limits are counted over all of them. */
import { test } from 'tap'
import { redisMissing, startRedis } from '../support/redis-server.ts'
import { print } from '../support/replica-proofs.ts'
import { openReplicas } from '../support/replicas.ts'
import {
  limitSettings,
  proveGuesses,
  proveOneMessage,
  proveRightCode,
  proveSmsLimits,
  proveTime,
  smsSettings,
} from '../support/sms-proofs.ts'

test('three replicas count guesses and messages together', { skip: redisMissing }, async (t) => {
  const redis = await startRedis(t)
  const world = await openReplicas(t, { REDIS_URL: redis.url, ...smsSettings })

  await t.test('a wrong code does not renew the time of its state', async (t) => {
    t.comment(print(await proveTime(t, world, redis)))
  })
  await t.test('200 parallel wrong codes get three checks, in each of 3 rounds', async (t) => {
    t.comment(print(await proveGuesses(t, world, 3)))
  })
  await t.test('the right code verifies once, and is repeated by every replica', async (t) => {
    t.comment(print(await proveRightCode(t, world, 5)))
  })
  await t.test('200 repeats of one request send one message', async (t) => {
    t.comment(print(await proveOneMessage(t, world, 200)))
  })
})

test('the limits hold over three replicas, to the message', { skip: redisMissing }, async (t) => {
  const redis = await startRedis(t)
  const world = await openReplicas(t, { REDIS_URL: redis.url, ...limitSettings })
  t.comment(print(await proveSmsLimits(t, world, redis)))
})
