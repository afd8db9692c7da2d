/** The memory store: the contract of every store, and what it promises besides: its bounds and its clock. */

import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { test } from 'tap'
import { mintState } from '../../src/core/state.ts'
import { createMemoryStore, type MemoryStoreOptions } from '../../src/store/memory.ts'
import { createFakeClock } from '../support/clock.ts'
import { rejectsWith } from '../support/failure.ts'
import { pendingVerification, stateStoreContract } from '../support/state-store-contract.ts'

const ttlSeconds = 160
const ttlMs = ttlSeconds * 1000
const generationMs = ttlMs / 16

function setUp(options: Partial<MemoryStoreOptions> = {}) {
  const clock = createFakeClock()
  return { clock, ...createMemoryStore({ ttlSeconds, maxEntries: 100, maxPerCaller: 5, clock, ...options }) }
}

stateStoreContract('memory store', async (limits) => {
  const clock = createFakeClock()
  const store = createMemoryStore({ ...limits, maxEntries: 1000, clock })
  return { store, advance: clock.advance, close: async () => {} }
})

test('a full store refuses a new verification with overloaded, and the live ones stay', async (t) => {
  const { put, take } = setUp({ maxEntries: 10 })
  const states = Array.from({ length: 10 }, mintState)
  for (const [n, state] of states.entries()) await put(`subject-${n}`, state, pendingVerification(n))
  for (let n = 0; n < 20; n++)
    await rejectsWith(t, put(`newcomer-${n}`, mintState(), pendingVerification()), 'overloaded')
  for (const [n, state] of states.entries()) t.ok(await take(`subject-${n}`, state))
})

test('a refused verification cannot be taken', async (t) => {
  const { put, take } = setUp({ maxEntries: 1 })
  const refused = mintState()
  await put('alice', mintState(), pendingVerification())
  await rejectsWith(t, put('bob', refused, pendingVerification()), 'overloaded')
  t.equal(await take('bob', refused), undefined)
})

test('one taken from a full store makes room for exactly one', async (t) => {
  const { put, take } = setUp({ maxEntries: 2 })
  const state = mintState()
  await put('alice', state, pendingVerification())
  await put('bob', mintState(), pendingVerification())
  await take('alice', state)
  await put('carol', mintState(), pendingVerification())
  await rejectsWith(t, put('dave', mintState(), pendingVerification()), 'overloaded')
})

test('in a full store, a subject at its own cap still gets a new one for its oldest', async (t) => {
  const { put, take } = setUp({ maxEntries: 2, maxPerCaller: 2 })
  const states = Array.from({ length: 3 }, mintState)
  for (const [n, state] of states.entries()) await put('alice', state, pendingVerification(n))
  const taken = await Promise.all(states.map((state) => take('alice', state)))
  t.strictSame(
    taken.map((pending) => pending?.phoneNumber.reveal()),
    [undefined, '+99000000001', '+99000000002'],
  )
})

test('taking an unknown or a stranger’s state makes no room', async (t) => {
  const { put, take } = setUp({ maxEntries: 1 })
  const state = mintState()
  await put('alice', state, pendingVerification())
  await take('alice', mintState())
  await take('bob', state)
  await rejectsWith(t, put('bob', mintState(), pendingVerification()), 'overloaded')
})

test('a full store has room again when the oldest generation has expired, and not before', async (t) => {
  const { put, clock } = setUp({ maxEntries: 3 })
  for (const subject of ['alice', 'bob']) await put(subject, mintState(), pendingVerification())
  clock.advance(generationMs)
  await put('carol', mintState(), pendingVerification())
  clock.advance(ttlMs - 1)
  await rejectsWith(t, put('dave', mintState(), pendingVerification()), 'overloaded')
  clock.advance(1)
  for (const subject of ['dave', 'erin']) await put(subject, mintState(), pendingVerification())
  await rejectsWith(t, put('frank', mintState(), pendingVerification()), 'overloaded')
})

test('an expired verification that someone tries to take makes room at once', async (t) => {
  const { put, take, clock } = setUp({ maxEntries: 1 })
  const state = mintState()
  await put('alice', state, pendingVerification())
  clock.advance(ttlMs)
  t.equal(await take('alice', state), undefined)
  await put('bob', mintState(), pendingVerification())
})

test('an entry put at the very end of a generation lives for its whole TTL', async (t) => {
  const { put, take, clock } = setUp()
  const [early, late] = [mintState(), mintState()]
  await put('alice', early, pendingVerification(1))
  clock.advance(generationMs - 1)
  await put('alice', late, pendingVerification(2))
  clock.advance(ttlMs - 1)
  t.equal(await take('alice', early), undefined)
  t.ok(await take('alice', late))
})

test('the oldest goes first, also among those of one moment', async (t) => {
  const { put, take } = setUp({ maxPerCaller: 2 })
  const states = Array.from({ length: 4 }, mintState)
  for (const [n, state] of states.entries()) await put('alice', state, pendingVerification(n))
  const taken = await Promise.all(states.map((state) => take('alice', state)))
  t.strictSame(
    taken.map((pending) => pending?.phoneNumber.reveal()),
    [undefined, undefined, '+99000000002', '+99000000003'],
  )
})

for (const [what, jumpMs] of Object.entries({ forward: 3_600_000, back: -3_600_000 })) {
  test(`the wall clock jumping ${what} by an hour neither kills nor prolongs a verification`, async (t) => {
    const { put, take, clock } = setUp()
    const [good, gone] = [mintState(), mintState()]
    await put('alice', gone, pendingVerification())
    clock.advance(1)
    await put('alice', good, pendingVerification())
    clock.jumpWall(jumpMs)
    clock.advance(ttlMs - 1)
    t.equal(await take('alice', gone), undefined)
    t.ok(await take('alice', good))
  })
}

test('the memory of expired verifications is given back by a ping alone', async (t) => {
  const usedBytes = createHeapGauge()
  const { put, ping, clock } = setUp({ maxEntries: 20_000 })
  const before = await usedBytes()
  for (let n = 0; n < 20_000; n++) await put(`subject-${n}`, mintState(), pendingVerification(n))
  const full = (await usedBytes()) - before
  clock.advance(ttlMs + generationMs)
  await ping()
  const left = (await usedBytes()) - before
  t.ok(full > 2_000_000, `the entries take memory: ${full}`)
  t.ok(left < full / 5, `${left} of ${full} bytes are left`)
  await ping() // The store itself must outlive the measurement.
})

test('100,000 verifications live side by side, and the next one is refused', async (t) => {
  const { put, take } = setUp({ maxEntries: 100_000 })
  const states = Array.from({ length: 100_000 }, mintState)
  for (const [n, state] of states.entries()) await put(`subject-${n}`, state, pendingVerification(n))
  await rejectsWith(t, put('one-more', mintState(), pendingVerification()), 'overloaded')
  for (let n = 0; n < states.length; n += 999)
    t.equal(
      (await take(`subject-${n}`, states[n] ?? ''))?.phoneNumber.reveal(),
      `+990${String(n).padStart(8, '0')}`,
    )
})

/** @returns a function that collects garbage and says how many bytes are in use */
function createHeapGauge(): () => Promise<number> {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  return async () => {
    await setImmediate() // Lets go of what the promises of this turn still hold.
    collectGarbage()
    return process.memoryUsage().heapUsed
  }
}
