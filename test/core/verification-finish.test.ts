/** The finish of a verification, over an in-memory operator and the real memory store. */

import { setImmediate } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { ServiceFailure } from '../../src/core/failures.ts'
import type { Caller, Keep, ReceiptSigner, Result, StateStore, Verified } from '../../src/core/ports.ts'
import { mintState, referenceTo } from '../../src/core/state.ts'
import { createVerification, type FinishRequest } from '../../src/core/verification.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { createFakeClock } from '../support/clock.ts'
import { rejectsWith } from '../support/failure.ts'
import { confirm, fail } from '../support/must.ts'
import { createScriptedOperator } from '../support/scripted-operator.ts'
import { callerOf, correlation, unobserved } from '../support/unobserved.ts'

const alice: Caller = callerOf('alice')
const bob: Caller = callerOf('bob')
const number = '+34600000001'
const authUrl = () => ({ authUrl: 'https://operator.example/auth', requiresCarrierNetwork: true })

/** With one start of alice behind it, whose state is the first that the operator was asked with. */
async function setUp(
  verified: () => boolean | Promise<boolean> = () => true,
  methods: Partial<StateStore> = {},
  receipts?: ReceiptSigner,
) {
  const clock = createFakeClock()
  const operator = createScriptedOperator({ authUrl, verified })
  const memory = createMemoryStore({ ttlSeconds: 300, maxEntries: 100, maxPerCaller: 5, clock })
  const settings = {
    ...unobserved,
    operator,
    receipts,
    scopes: ['a-scope'],
    callingCodes: [],
    ownNumberOnly: false,
  }
  const verification = createVerification({ ...settings, store: { ...memory, ...methods } })
  const start = (phoneNumber: string) =>
    verification.start(alice, { phoneNumber }, correlation, new AbortController())
  const finish = (caller: Caller, request: FinishRequest) => verification.finish(caller, request, correlation)
  await start(number)
  const state = operator.asked[0]?.request.state ?? fail('the operator was not asked')
  return { clock, operator, state, start, finish }
}

/** About the number of alice's start. */
function assertResult(t: Test, { phoneNumber, verified }: Result, expected: boolean): void {
  t.strictSame([phoneNumber?.reveal(), verified], [number, expected])
}

const storeDown = async () => {
  throw new ServiceFailure('store_unavailable')
}

for (const verified of [true, false]) {
  test(`a finish answers ${verified} when the operator does`, async (t) => {
    const { state, finish } = await setUp(() => verified)
    assertResult(t, await finish(alice, { code: 'a-code', state }), verified)
  })
}

test('a finish spends the code on the number of the start', async (t) => {
  const { operator, state, start, finish } = await setUp()
  await start('+34600000002')
  await finish(alice, { code: 'a-code', state })
  t.strictSame(operator.verifications, [{ code: 'a-code', phoneNumber: number }])
})

test('a verification that the operator named is finished by that name, by its owner alone', async (t) => {
  const operator = createScriptedOperator({ verified: () => true })
  const store = createMemoryStore({
    ttlSeconds: 300,
    maxEntries: 9,
    maxPerCaller: 5,
    clock: createFakeClock(),
  })
  const named = {
    ...operator,
    requestAuthUrl: async (_: unknown, keep: Keep) => {
      await keep({ reference: referenceTo('an-id'), requestId: 'an-id', lifetimeSeconds: 60 })
      return authUrl()
    },
  }
  const verification = createVerification({
    ...unobserved,
    operator: named,
    store,
    scopes: ['a-scope'],
    callingCodes: [],
    ownNumberOnly: false,
  })
  await verification.start(alice, { phoneNumber: number }, correlation, new AbortController())
  const stolen = { code: 'a-code', requestId: 'an-id' }
  await rejectsWith(t, verification.finish(bob, stolen, correlation), 'invalid_state')
  await rejectsWith(
    t,
    verification.finish(alice, { code: 'a-code', state: 'an-id' }, correlation),
    'invalid_state',
  )
  t.strictSame(operator.pending, [])
  assertResult(t, await verification.finish(alice, stolen, correlation), true)
  assertResult(t, await verification.finish(alice, stolen, correlation), true)
  t.strictSame(
    operator.pending.map(({ requestId }) => requestId),
    ['an-id'],
  )
})

test('an unknown state is invalid_state, without a call to the operator', async (t) => {
  const { operator, finish } = await setUp()
  await rejectsWith(t, finish(alice, { code: 'a-code', state: mintState() }), 'invalid_state')
  t.equal(operator.verifications.length, 0)
})

test('a state at its TTL is invalid_state, without a call to the operator', async (t) => {
  const { clock, operator, state, finish } = await setUp()
  clock.advance(300_000)
  await rejectsWith(t, finish(alice, { code: 'a-code', state }), 'invalid_state')
  t.equal(operator.verifications.length, 0)
})

test("another caller's try is invalid_state, and the owner still finishes", async (t) => {
  const { operator, state, finish } = await setUp()
  await rejectsWith(t, finish(bob, { code: 'a-code', state }), 'invalid_state')
  t.equal(operator.verifications.length, 0)
  assertResult(t, await finish(alice, { code: 'a-code', state }), true)
})

test("another caller with the owner's state and code does not get the owner's result", async (t) => {
  const { state, finish } = await setUp()
  await finish(alice, { code: 'a-code', state })
  await rejectsWith(t, finish(bob, { code: 'a-code', state }), 'invalid_state')
})

test('a used state with another code is invalid_state', async (t) => {
  const { operator, state, finish } = await setUp()
  await finish(alice, { code: 'a-code', state })
  await rejectsWith(t, finish(alice, { code: 'another-code', state }), 'invalid_state')
  t.equal(operator.verifications.length, 1)
})

for (const verified of [true, false]) {
  test(`a repeat within 60 seconds gets the same ${verified}, and the operator is not asked again`, async (t) => {
    const { clock, operator, state, finish } = await setUp(() => verified)
    await finish(alice, { code: 'a-code', state })
    clock.advance(59_999)
    assertResult(t, await finish(alice, { code: 'a-code', state }), verified)
    t.equal(operator.verifications.length, 1)
  })
}

test('a repeat after 60 seconds is invalid_state', async (t) => {
  const { clock, state, finish } = await setUp()
  await finish(alice, { code: 'a-code', state })
  clock.advance(60_000)
  await rejectsWith(t, finish(alice, { code: 'a-code', state }), 'invalid_state')
})

test('100 parallel repeats of one finish share one call to the operator and its result', async (t) => {
  const { operator, state, finish } = await setUp(() => setImmediate(true))
  const results = await Promise.all(
    Array.from({ length: 100 }, () => finish(alice, { code: 'a-code', state })),
  )
  for (const result of results) assertResult(t, result, true)
  t.equal(operator.verifications.length, 1)
})

test("another caller does not get to share the owner's finish while it is under way", async (t) => {
  const { state, finish } = await setUp(() => setImmediate(true))
  const [own, foreign] = await Promise.allSettled(
    [alice, bob].map((caller) => finish(caller, { code: 'a-code', state })),
  )
  confirm(t, own?.status === 'fulfilled')
  assertResult(t, own.value, true)
  confirm(t, foreign?.status === 'rejected' && foreign.reason instanceof ServiceFailure)
  t.equal(foreign.reason.code, 'invalid_state')
})

test('of 100 parallel finishes with different codes one reaches the operator', async (t) => {
  const { operator, state, finish } = await setUp(() => setImmediate(true))
  const outcomes = await Promise.allSettled(
    Array.from({ length: 100 }, (_, n) => finish(alice, { code: `code-${n}`, state })),
  )
  const failures = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []))
  t.equal(failures.length, 99)
  t.ok(failures.every((failure) => failure instanceof ServiceFailure && failure.code === 'invalid_state'))
  t.equal(operator.verifications.length, 1)
})

test('a failure of the operator uses the state up, and a repeat is invalid_state', async (t) => {
  const failure = new ServiceFailure('outcome_unknown')
  const { operator, state, finish } = await setUp(() => Promise.reject(failure))
  t.equal(await rejectsWith(t, finish(alice, { code: 'a-code', state }), 'outcome_unknown'), failure)
  await rejectsWith(t, finish(alice, { code: 'a-code', state }), 'invalid_state')
  t.equal(operator.verifications.length, 1)
})

for (const code of ['upstream_unavailable', 'upstream_busy'] as const) {
  test(`after ${code} the code was not spent, and the same finish can be sent again`, async (t) => {
    let outcome: () => boolean | Promise<boolean> = () => Promise.reject(new ServiceFailure(code))
    const { operator, state, finish } = await setUp(() => outcome())
    await rejectsWith(t, finish(alice, { code: 'a-code', state }), code)
    await rejectsWith(t, finish(bob, { code: 'a-code', state }), 'invalid_state')
    outcome = () => true
    assertResult(t, await finish(alice, { code: 'a-code', state }), true)
    t.equal(operator.verifications.length, 2)
  })

  for (const [why, putBack] of [
    ['has no place for', async () => false],
    ['cannot reach', () => storeDown()],
  ] as const)
    test(`after ${code} a store that ${why} the state has lost it, and the answer is to start again`, async (t) => {
      const failure = new ServiceFailure(code)
      const memory = createMemoryStore({
        ttlSeconds: 300,
        maxEntries: 9,
        maxPerCaller: 5,
        clock: createFakeClock(),
      })
      const take: StateStore['take'] = async (subject, state) => {
        const taken = await memory.take(subject, state)
        return taken && { ...taken, putBack }
      }
      const { state, finish } = await setUp(() => Promise.reject(failure), { ...memory, take })
      const answered = await rejectsWith(t, finish(alice, { code: 'a-code', state }), 'invalid_state')
      t.equal(answered.cause, failure)
    })
}

test('a finish that fails for good says so to the store, for those who wait at other replicas', async (t) => {
  const memory = createMemoryStore({
    ttlSeconds: 300,
    maxEntries: 9,
    maxPerCaller: 5,
    clock: createFakeClock(),
  })
  let dropped = 0
  const take: StateStore['take'] = async (subject, state) => {
    const taken = await memory.take(subject, state)
    return taken && { ...taken, drop: () => void dropped++ }
  }
  let failure = new ServiceFailure('upstream_busy')
  const { state, finish } = await setUp(() => Promise.reject(failure), { ...memory, take })
  await rejectsWith(t, finish(alice, { code: 'a-code', state }), 'upstream_busy')
  t.equal(dropped, 0)
  failure = new ServiceFailure('code_rejected')
  await rejectsWith(t, finish(alice, { code: 'a-code', state }), 'code_rejected')
  t.equal(dropped, 1)
})

test('a store that cannot take the state fails the finish, and nothing is spent', async (t) => {
  const { operator, state, finish } = await setUp(undefined, { take: storeDown })
  await rejectsWith(t, finish(alice, { code: 'a-code', state }), 'store_unavailable')
  t.equal(operator.verifications.length, 0)
})

test('a store that cannot look for a result fails the repeat', async (t) => {
  const { state, finish } = await setUp(undefined, { findResult: storeDown })
  await finish(alice, { code: 'a-code', state })
  await rejectsWith(t, finish(alice, { code: 'a-code', state }), 'store_unavailable')
})

test('a result that cannot be kept is still the answer', async (t) => {
  const { state, finish } = await setUp(() => false, { keepResult: storeDown })
  assertResult(t, await finish(alice, { code: 'a-code', state }), false)
})

/** Signs by counting. */
function createScriptedSigner(fails = false) {
  const signed: Verified[] = []
  const sign = async (verified: Verified) =>
    setImmediate(signed.push(verified) && !fails ? `receipt-${signed.length}` : undefined)
  return { signed, sign }
}

test('a finish that verified has a receipt for its caller and number, and nothing is signed for another', async (t) => {
  const signer = createScriptedSigner()
  const { state, finish } = await setUp(undefined, {}, signer)
  t.equal((await finish(alice, { code: 'a-code', state })).receipt, 'receipt-1')
  const [{ caller, phoneNumber, method } = fail('nothing was signed'), ...more] = signer.signed
  t.strictSame([caller, phoneNumber.reveal(), method, more], [alice, number, 'network', []])
})

test('a finish that did not verify has no receipt', async (t) => {
  const signer = createScriptedSigner()
  const { state, finish } = await setUp(() => false, {}, signer)
  t.equal('receipt' in (await finish(alice, { code: 'a-code', state })), false)
  t.strictSame(signer.signed, [])
})

test('parallel and later repeats get the one receipt that was signed', async (t) => {
  const signer = createScriptedSigner()
  const { state, finish } = await setUp(() => setImmediate(true), {}, signer)
  const request = { code: 'a-code', state }
  const results = await Promise.all(Array.from({ length: 100 }, () => finish(alice, request)))
  results.push(await finish(alice, request))
  for (const { receipt } of results) t.equal(receipt, 'receipt-1')
  t.equal(signer.signed.length, 1)
})

test('signing that fails loses no result, now or in a repeat', async (t) => {
  const signer = createScriptedSigner(true)
  const { state, finish } = await setUp(undefined, {}, signer)
  for (let times = 0; times < 2; times++) {
    const result = await finish(alice, { code: 'a-code', state })
    assertResult(t, result, true)
    t.equal('receipt' in result, false)
  }
  t.equal(signer.signed.length, 1)
})
