/** Codes by text message: what is sent, how often, and how many guesses a user has. Over the real memory store. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ServiceEvent } from '../../src/core/events.ts'
import { type FailureCode, ServiceFailure } from '../../src/core/failures.ts'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { createSmsVerification } from '../../src/core/sms-verification.ts'
import { mintState, statePattern } from '../../src/core/state.ts'
import { createMemoryTypedCodes } from '../../src/store/memory-typed-codes.ts'
import { createFakeClock } from '../support/clock.ts'
import { rejectsWith } from '../support/failure.ts'
import { callerOf, correlation } from '../support/unobserved.ts'

const [alice, bob] = [callerOf('alice'), callerOf('bob')]
const number = parsePhoneNumber('+447700900200') ?? assert.fail()
const another = parsePhoneNumber('+447700900201') ?? assert.fail()
const free = async () => {}

function setUp(judge: (code: string) => FailureCode | undefined = () => undefined) {
  const clock = createFakeClock()
  const seen: ServiceEvent[] = []
  const sent: string[] = []
  const checked: string[] = []
  const codes = createMemoryTypedCodes({ lifetimeSeconds: 300, clock })
  let failure: FailureCode | undefined
  const sms = createSmsVerification({
    sender: {
      async sendCode({ phoneNumber }, admit) {
        if (failure) throw new ServiceFailure(failure)
        await admit()
        sent.push(phoneNumber.reveal())
        return { requestId: `id-${sent.length}` }
      },
    },
    operator: {
      async checkCode({ code, pending, typed }) {
        assert.equal(typed, true)
        checked.push(`${pending.requestId} ${code}`)
        const reason = judge(code)
        if (reason) throw new ServiceFailure(reason)
        return true
      },
    },
    codes,
    events: (event) => void seen.push(event),
    codeLength: 6,
  })
  const send = (caller = alice, phoneNumber = number, admit = free) =>
    sms.send(caller, phoneNumber, admit, correlation)
  const check = (code: string, state: string, caller = alice) => sms.check(caller, code, state, correlation)
  const fail = (code: FailureCode | undefined) => {
    failure = code
  }
  return { clock, sms, codes, seen, sent, checked, send, check, fail }
}

test('a message is sent to the number, and the app learns how to finish', async () => {
  const { send, sent, seen } = setUp()
  const { state, codeLength, expiresIn } = await send()
  assert.match(state, new RegExp(statePattern))
  assert.deepEqual([codeLength, expiresIn, sent], [6, 300, ['+447700900200']])
  assert.deepEqual(seen, [{ name: 'sms.sent', callingCode: '44' }])
})

test('the same request within half a minute sends nothing and gets the same state', async () => {
  const { send, sent, clock } = setUp()
  const { state } = await send()
  clock.advance(29_999)
  assert.equal((await send()).state, state)
  assert.equal(sent.length, 1)
  clock.advance(1)
  assert.notEqual((await send()).state, state)
  assert.equal(sent.length, 2)
})

test('1,000 requests at once send one message', async () => {
  const { send, sent } = setUp()
  const states = await Promise.all(Array.from({ length: 1000 }, () => send()))
  assert.equal(new Set(states.map(({ state }) => state)).size, 1)
  assert.equal(sent.length, 1)
})

test('another caller, and another number, get messages of their own', async () => {
  const { send, sent } = setUp()
  const states = [await send(), await send(bob), await send(alice, another)].map(({ state }) => state)
  assert.equal(new Set(states).size, 3)
  assert.equal(sent.length, 3)
})

test('a virtual number gets no message, and nobody is asked', async () => {
  const { send, sent } = setUp()
  const virtual = parsePhoneNumber('+99012345678') ?? assert.fail()
  await rejectsWith(send(alice, virtual, assert.fail), 'network_not_supported')
  assert.deepEqual(sent, [])
})

test('a limit is asked before a message leaves, and not for a repeat', async () => {
  const { send, sent } = setUp()
  let asked = 0
  const admit = async () => {
    asked += 1
    if (asked > 1) throw new ServiceFailure('rate_limited')
  }
  await send(alice, number, admit)
  await send(alice, number, admit)
  await rejectsWith(send(bob, number, admit), 'rate_limited')
  assert.deepEqual([asked, sent.length], [2, 1])
})

for (const code of ['upstream_busy', 'upstream_timeout', 'verification_in_progress'] as const)
  test(`after ${code} the next request sends`, async () => {
    const { send, sent, fail } = setUp()
    fail(code)
    await rejectsWith(send(), code)
    fail(undefined)
    await send()
    assert.equal(sent.length, 1)
  })

test('the right code verifies the number, once the result is kept the state is over', async () => {
  const { sms, send, sent, check, seen } = setUp()
  const { state } = await send()
  assert.equal((await check('123456', state))?.reveal(), '+447700900200')
  await sms.end(alice, number, state)
  assert.equal(await check('123456', state), undefined)
  assert.deepEqual(seen.at(-1), { name: 'sms.completed', callingCode: '44' })
  await send()
  assert.equal(sent.length, 2, 'half a minute is not waited for')
})

for (const [what, guesses, answer] of [
  ['the last guess', 3, 'wrong_code'],
  ['a code that Vonage refuses for good', 1, 'code_rejected'],
] as const)
  test(`after ${what} another message may leave at once`, async () => {
    const { send, sent, check } = setUp(() => answer)
    const { state } = await send()
    for (let guess = 1; guess < guesses; guess++) await rejectsWith(check('1', state), 'wrong_code')
    assert.equal((await send()).state, state, 'the message before still counts')
    await rejectsWith(check('1', state), 'code_rejected')
    assert.notEqual((await send()).state, state)
    assert.equal(sent.length, 2)
  })

test('a code may be one of a message when it has as many digits', () => {
  const { sms } = setUp()
  assert.deepEqual(
    ['123456', '12345', '1234567', 'si9sfG'].map((code) => sms.mayBeTyped(code)),
    [true, false, false, false],
  )
})

test('a state that is unknown, expired, or of another caller is no message', async () => {
  const { send, check, checked, clock } = setUp()
  const { state } = await send()
  assert.equal(await check('123456', mintState()), undefined)
  assert.equal(await check('123456', state, bob), undefined)
  clock.advance(300_000)
  assert.equal(await check('123456', state), undefined)
  assert.deepEqual(checked, [])
})

test('two wrong codes may be followed by another, the third not, and the fourth is not looked at', async () => {
  const { send, check, checked, seen } = setUp((code) => (code === 'right' ? undefined : 'wrong_code'))
  const { state } = await send()
  await rejectsWith(check('1', state), 'wrong_code')
  await rejectsWith(check('2', state), 'wrong_code')
  await rejectsWith(check('3', state), 'code_rejected')
  await rejectsWith(check('right', state), 'code_rejected')
  assert.deepEqual(checked, ['id-1 1', 'id-1 2', 'id-1 3'])
  assert.equal(seen.filter(({ name }) => name === 'sms.wrong').length, 3)
})

test('the right code after two wrong ones verifies', async () => {
  const { send, check } = setUp((code) => (code === 'right' ? undefined : 'wrong_code'))
  const { state } = await send()
  for (const code of ['1', '2']) await rejectsWith(check(code, state), 'wrong_code')
  assert.ok(await check('right', state))
})

test('200 wrong codes at once get three checks', async () => {
  const { send, check, checked } = setUp(() => 'wrong_code')
  const { state } = await send()
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, (_, n) => check(`${n}`, state)))
  const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)
  assert.equal(checked.length, 3)
  assert.deepEqual(
    [
      codes.filter((code) => code === 'wrong_code').length,
      codes.filter((code) => code === 'code_rejected').length,
    ],
    [2, 198],
  )
})

for (const code of ['upstream_busy', 'upstream_unavailable'] as const)
  test(`after ${code} nobody has looked at the code, and no guess is lost`, async () => {
    const answers: (FailureCode | undefined)[] = [code, code, code, code, undefined]
    const { send, check } = setUp(() => answers.shift())
    const { state } = await send()
    for (let times = 0; times < 4; times++) await rejectsWith(check('123456', state), code)
    assert.ok(await check('123456', state))
  })

test('a guess without an answer counts', async () => {
  const { send, check, checked } = setUp(() => 'outcome_unknown')
  const { state } = await send()
  for (let times = 0; times < 3; times++) await rejectsWith(check('123456', state), 'outcome_unknown')
  await rejectsWith(check('123456', state), 'code_rejected')
  assert.equal(checked.length, 3)
})

test('a bug in a check stays a bug', async () => {
  const { send, check } = setUp(() => {
    throw new TypeError('a bug')
  })
  const { state } = await send()
  await assert.rejects(check('123456', state), TypeError)
})

test('a store that fails afterwards changes no answer', async () => {
  const { sms, codes, send, check, fail } = setUp(() => 'upstream_busy')
  const { state } = await send()
  codes.end = codes.takeBack = codes.unclaim = () => Promise.reject(new ServiceFailure('store_unavailable'))
  await rejectsWith(check('123456', state), 'upstream_busy')
  await sms.end(alice, number, state)
  fail('upstream_refused')
  await rejectsWith(send(bob), 'upstream_refused')
})

test('a store that cannot let another message leave changes no answer', async () => {
  const { codes, send, check } = setUp(() => 'code_rejected')
  const { state } = await send()
  codes.unclaim = () => Promise.reject(new ServiceFailure('store_unavailable'))
  await rejectsWith(check('123456', state), 'code_rejected')
})
