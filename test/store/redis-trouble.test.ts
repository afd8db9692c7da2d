/** What of an error of Redis may be logged: a word, and what to do. */

import { ReplyError } from 'ioredis'
import { test } from 'tap'
import { createTroubleReport, describeTrouble, type RedisTrouble } from '../../src/store/redis-trouble.ts'
import { createFakeClock } from '../support/clock.ts'

const reply = (message: string) => Object.assign(new ReplyError(message), { command: { args: ['canary'] } })
const withCode = (code: string) => Object.assign(new Error('connect canary'), { code })

for (const [error, reason, hasRemedy] of [
  [reply('WRONGPASS invalid username-password pair canary'), 'WRONGPASS', true],
  [reply('NOAUTH Authentication required.'), 'NOAUTH', true],
  [reply("NOPERM this user has no permissions to run the 'canary' command"), 'NOPERM', true],
  [reply("OOM command not allowed when used memory > 'maxmemory'."), 'OOM', true],
  [reply('MOVED 3999 canary:6381'), 'MOVED', true],
  [reply('LOADING'), 'LOADING', true],
  [reply('NOSCRIPT No matching script.'), 'NOSCRIPT', false],
  [reply('canary in lower case'), 'no connection', false],
  [withCode('ECONNREFUSED'), 'ECONNREFUSED', false],
  [withCode('DEPTH_ZERO_SELF_SIGNED_CERT'), 'DEPTH_ZERO_SELF_SIGNED_CERT', false],
  [new Error('Command timed out'), 'timeout', false],
  [new Error('Connection is closed.'), 'no connection', false],
  [Object.assign(new Error('canary'), { lastNodeError: withCode('ECONNREFUSED') }), 'ECONNREFUSED', false],
  [new AggregateError([reply('NOPERM canary'), withCode('ECONNREFUSED')]), 'NOPERM', true],
] as const)
  test(`${error.message || 'a group of errors'} is ${reason}`, async (t) => {
    const trouble = describeTrouble(error)
    t.equal(trouble.reason, reason)
    t.equal(trouble.remedy !== undefined, hasRemedy)
    t.ok(!JSON.stringify(trouble).includes('canary'))
  })

test('each reason is told once a minute', async (t) => {
  const clock = createFakeClock()
  const told: RedisTrouble[] = []
  const report = createTroubleReport(clock, (trouble) => told.push(trouble))
  for (let second = 0; second < 150; second++) {
    report(withCode('ECONNREFUSED'))
    report(new Error('Connection is closed.'))
    if (second === 70) report(reply('OOM full'))
    clock.advance(1000)
  }
  t.strictSame(
    told.map(({ reason }) => reason),
    ['ECONNREFUSED', 'ECONNREFUSED', 'OOM', 'ECONNREFUSED'],
  )
})
