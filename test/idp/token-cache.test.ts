/** How long a good token is remembered, and how many are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
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

test('knows the caller of a remembered token, and of no other', () => {
  const { cache, remember } = openCache()
  remember('token')
  assert.equal(cache.get('token'), caller)
  for (const other of ['', 'toke', 'token ', 'TOKEN', 'tokenn', '__proto__'])
    assert.equal(cache.get(other), undefined)
})

test('forgets a token after 60 seconds of the monotonic clock', () => {
  const { clock, remember, remembers } = openCache()
  remember('token')
  clock.advance(59_999)
  assert.ok(remembers('token'))
  clock.advance(1)
  assert.ok(!remembers('token'))
})

test('keeps to 60 seconds when the wall clock jumps back', () => {
  const { clock, remember, remembers } = openCache()
  remember('token')
  clock.advance(30_000)
  clock.jumpWall(-hourMs)
  assert.ok(remembers('token'))
  clock.advance(30_000)
  assert.ok(!remembers('token'))
})

test('forgets a token after 60 seconds of the wall clock, which a sleep of the machine takes', () => {
  const { clock, remember, remembers } = openCache()
  remember('token')
  clock.jumpWall(59_999)
  assert.ok(remembers('token'))
  clock.jumpWall(1)
  assert.ok(!remembers('token'))
})

test('forgets a token at its own end by the wall clock', () => {
  const { clock, remember, remembers } = openCache()
  remember('token', 10_000)
  clock.jumpWall(9_999)
  assert.ok(remembers('token'))
  clock.jumpWall(1)
  assert.ok(!remembers('token'))
})

test('does not remember a token that has ended already', () => {
  const { remember, remembers } = openCache()
  remember('token', 0)
  assert.ok(!remembers('token'))
})

test('starts the 60 seconds anew when a token was verified again', () => {
  const { clock, remember, remembers } = openCache()
  remember('token')
  clock.advance(60_000)
  remember('token')
  clock.advance(59_999)
  assert.ok(remembers('token'))
})

test('remembers the last 5,000 tokens, and at most 10,000', () => {
  const { remember, remembers } = openCache()
  for (let n = 0; n < 10_000; n++) remember(`token ${n}`)
  assert.ok(remembers('token 0'), 'the older half')
  assert.ok(remembers('token 9999'), 'the newer half')
  remember('token 10000')
  for (let n = 0; n < 5000; n++) assert.ok(!remembers(`token ${n}`))
  for (let n = 5000; n <= 10_000; n++) assert.ok(remembers(`token ${n}`))
})
