/** How long a good token is remembered, and how many are. */
import { test } from 'tap'
import type { Caller } from '../../src/core/ports.ts'
import { createTokenCache } from '../../src/idp/token-cache.ts'
import { createFakeClock } from '../support/clock.ts'
import { callerOf } from '../support/unobserved.ts'

const caller = callerOf('subject')
const hourMs = 3_600_000

function openCache() {
  const clock = createFakeClock()
  const cache = createTokenCache<Caller>(clock, 60_000)
  const remember = (token: string, lifeMs = hourMs) => cache.set(token, caller, clock.wallMs() + lifeMs)
  const remembers = (token: string) => cache.get(token) === caller
  return { cache, clock, remember, remembers }
}

test('knows the caller of a remembered token, and of no other', async (t) => {
  const { cache, remember } = openCache()
  remember('token')
  t.equal(cache.get('token'), caller)
  for (const other of ['', 'toke', 'token ', 'TOKEN', 'tokenn', '__proto__'])
    t.equal(cache.get(other), undefined)
})

test('forgets a token after 60 seconds of the monotonic clock', async (t) => {
  const { clock, remember, remembers } = openCache()
  remember('token')
  clock.advance(59_999)
  t.ok(remembers('token'))
  clock.advance(1)
  t.ok(!remembers('token'))
})

test('keeps to 60 seconds when the wall clock jumps back', async (t) => {
  const { clock, remember, remembers } = openCache()
  remember('token')
  clock.advance(30_000)
  clock.jumpWall(-hourMs)
  t.ok(remembers('token'))
  clock.advance(30_000)
  t.ok(!remembers('token'))
})

test('forgets a token after 60 seconds of the wall clock, which a sleep of the machine takes', async (t) => {
  const { clock, remember, remembers } = openCache()
  remember('token')
  clock.jumpWall(59_999)
  t.ok(remembers('token'))
  clock.jumpWall(1)
  t.ok(!remembers('token'))
})

test('forgets a token at its own end by the wall clock', async (t) => {
  const { clock, remember, remembers } = openCache()
  remember('token', 10_000)
  clock.jumpWall(9_999)
  t.ok(remembers('token'))
  clock.jumpWall(1)
  t.ok(!remembers('token'))
})

test('does not remember a token that has ended already', async (t) => {
  const { remember, remembers } = openCache()
  remember('token', 0)
  t.ok(!remembers('token'))
})

test('starts the 60 seconds anew when a token was verified again', async (t) => {
  const { clock, remember, remembers } = openCache()
  remember('token')
  clock.advance(60_000)
  remember('token')
  clock.advance(59_999)
  t.ok(remembers('token'))
})

test('remembers the last 5,000 tokens, and at most 10,000', async (t) => {
  const { remember, remembers } = openCache()
  for (let n = 0; n < 10_000; n++) remember(`token ${n}`)
  t.ok(remembers('token 0'), 'the older half')
  t.ok(remembers('token 9999'), 'the newer half')
  remember('token 10000')
  for (let n = 0; n < 5000; n++) t.ok(!remembers(`token ${n}`))
  for (let n = 5000; n <= 10_000; n++) t.ok(remembers(`token ${n}`))
})
