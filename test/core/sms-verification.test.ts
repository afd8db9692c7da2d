/** Codes by text message: what is sent, how often, and how many guesses a user has. Over the real memory store. */
import { type Test, test } from 'tap'
import type { ServiceEvent } from '../../src/core/events.ts'
import { type FailureCode, ServiceFailure } from '../../src/core/failures.ts'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { createSmsVerification } from '../../src/core/sms-verification.ts'
import { mintState, statePattern } from '../../src/core/state.ts'
import { createMemoryTypedCodes } from '../../src/store/memory-typed-codes.ts'
import { createFakeClock } from '../support/clock.ts'
import { rejectsWith } from '../support/failure.ts'
import { fail } from '../support/must.ts'
import { callerOf, correlation } from '../support/unobserved.ts'

const [alice, bob] = [callerOf('alice'), callerOf('bob')]
const number = parsePhoneNumber('+447700900200') ?? fail()
const another = parsePhoneNumber('+447700900201') ?? fail()
const free = async () => {}

function setUp(t: Test, judge: (code: string) => FailureCode | undefined = () => undefined) {
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
        t.equal(typed, true)
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

test('a message is sent to the number, and the app learns how to finish', async (t) => {
  const { send, sent, seen } = setUp(t)
  const { state, codeLength, expiresIn } = await send()
  t.match(state, new RegExp(statePattern))
  t.strictSame([codeLength, expiresIn, sent], [6, 300, ['+447700900200']])
  t.strictSame(seen, [{ name: 'sms.sent', callingCode: '44' }])
})

test('the same request within half a minute sends nothing and gets the same state', async (t) => {
  const { send, sent, clock } = setUp(t)
  const { state } = await send()
  clock.advance(29_999)
  t.equal((await send()).state, state)
  t.equal(sent.length, 1)
  clock.advance(1)
  t.not((await send()).state, state)
  t.equal(sent.length, 2)
})

test('1,000 requests at once send one message', async (t) => {
  const { send, sent } = setUp(t)
  const states = await Promise.all(Array.from({ length: 1000 }, () => send()))
  t.equal(new Set(states.map(({ state }) => state)).size, 1)
  t.equal(sent.length, 1)
})

test('another caller, and another number, get messages of their own', async (t) => {
  const { send, sent } = setUp(t)
  const states = [await send(), await send(bob), await send(alice, another)].map(({ state }) => state)
  t.equal(new Set(states).size, 3)
  t.equal(sent.length, 3)
})

test('a virtual number gets no message, and nobody is asked', async (t) => {
  const { send, sent } = setUp(t)
  const virtual = parsePhoneNumber('+99012345678') ?? fail()
  await rejectsWith(t, send(alice, virtual, fail), 'network_not_supported')
  t.strictSame(sent, [])
})

test('a limit is asked before a message leaves, and not for a repeat', async (t) => {
  const { send, sent } = setUp(t)
  let asked = 0
  const admit = async () => {
    asked += 1
    if (asked > 1) throw new ServiceFailure('rate_limited')
  }
  await send(alice, number, admit)
  await send(alice, number, admit)
  await rejectsWith(t, send(bob, number, admit), 'rate_limited')
  t.strictSame([asked, sent.length], [2, 1])
})

for (const code of ['upstream_busy', 'upstream_timeout', 'verification_in_progress'] as const)
  test(`after ${code} the next request sends`, async (t) => {
    const { send, sent, fail } = setUp(t)
    fail(code)
    await rejectsWith(t, send(), code)
    fail(undefined)
    await send()
    t.equal(sent.length, 1)
  })

test('the right code verifies the number, once the result is kept the state is over', async (t) => {
  const { sms, send, sent, check, seen } = setUp(t)
  const { state } = await send()
  t.equal((await check('123456', state))?.reveal(), '+447700900200')
  await sms.end(alice, number, state)
  t.equal(await check('123456', state), undefined)
  t.strictSame(seen.at(-1), { name: 'sms.completed', callingCode: '44' })
  await send()
  t.equal(sent.length, 2, 'half a minute is not waited for')
})

for (const [what, guesses, answer] of [
  ['the last guess', 3, 'wrong_code'],
  ['a code that Vonage refuses for good', 1, 'code_rejected'],
] as const)
  test(`after ${what} another message may leave at once`, async (t) => {
    const { send, sent, check } = setUp(t, () => answer)
    const { state } = await send()
    for (let guess = 1; guess < guesses; guess++) await rejectsWith(t, check('1', state), 'wrong_code')
    t.equal((await send()).state, state, 'the message before still counts')
    await rejectsWith(t, check('1', state), 'code_rejected')
    t.not((await send()).state, state)
    t.equal(sent.length, 2)
  })

test('a code may be one of a message when it has as many digits', async (t) => {
  const { sms } = setUp(t)
  t.strictSame(
    ['123456', '12345', '1234567', 'si9sfG'].map((code) => sms.mayBeTyped(code)),
    [true, false, false, false],
  )
})

test('a state that is unknown, expired, or of another caller is no message', async (t) => {
  const { send, check, checked, clock } = setUp(t)
  const { state } = await send()
  t.equal(await check('123456', mintState()), undefined)
  t.equal(await check('123456', state, bob), undefined)
  clock.advance(300_000)
  t.equal(await check('123456', state), undefined)
  t.strictSame(checked, [])
})

test('two wrong codes may be followed by another, the third not, and the fourth is not looked at', async (t) => {
  const { send, check, checked, seen } = setUp(t, (code) => (code === 'right' ? undefined : 'wrong_code'))
  const { state } = await send()
  await rejectsWith(t, check('1', state), 'wrong_code')
  await rejectsWith(t, check('2', state), 'wrong_code')
  await rejectsWith(t, check('3', state), 'code_rejected')
  await rejectsWith(t, check('right', state), 'code_rejected')
  t.strictSame(checked, ['id-1 1', 'id-1 2', 'id-1 3'])
  t.equal(seen.filter(({ name }) => name === 'sms.wrong').length, 3)
})

test('the right code after two wrong ones verifies', async (t) => {
  const { send, check } = setUp(t, (code) => (code === 'right' ? undefined : 'wrong_code'))
  const { state } = await send()
  for (const code of ['1', '2']) await rejectsWith(t, check(code, state), 'wrong_code')
  t.ok(await check('right', state))
})

test('200 wrong codes at once get three checks', async (t) => {
  const { send, check, checked } = setUp(t, () => 'wrong_code')
  const { state } = await send()
  const outcomes = await Promise.allSettled(Array.from({ length: 200 }, (_, n) => check(`${n}`, state)))
  const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)
  t.equal(checked.length, 3)
  t.strictSame(
    [
      codes.filter((code) => code === 'wrong_code').length,
      codes.filter((code) => code === 'code_rejected').length,
    ],
    [2, 198],
  )
})

for (const code of ['upstream_busy', 'upstream_unavailable'] as const)
  test(`after ${code} nobody has looked at the code, and no guess is lost`, async (t) => {
    const answers: (FailureCode | undefined)[] = [code, code, code, code, undefined]
    const { send, check } = setUp(t, () => answers.shift())
    const { state } = await send()
    for (let times = 0; times < 4; times++) await rejectsWith(t, check('123456', state), code)
    t.ok(await check('123456', state))
  })

test('a guess without an answer counts', async (t) => {
  const { send, check, checked } = setUp(t, () => 'outcome_unknown')
  const { state } = await send()
  for (let times = 0; times < 3; times++) await rejectsWith(t, check('123456', state), 'outcome_unknown')
  await rejectsWith(t, check('123456', state), 'code_rejected')
  t.equal(checked.length, 3)
})

test('a bug in a check stays a bug', async (t) => {
  const { send, check } = setUp(t, () => {
    throw new TypeError('a bug')
  })
  const { state } = await send()
  await t.rejects(check('123456', state), TypeError)
})

test('a store that fails afterwards changes no answer', async (t) => {
  const { sms, codes, send, check, fail } = setUp(t, () => 'upstream_busy')
  const { state } = await send()
  codes.end = codes.takeBack = codes.unclaim = () => Promise.reject(new ServiceFailure('store_unavailable'))
  await rejectsWith(t, check('123456', state), 'upstream_busy')
  await sms.end(alice, number, state)
  fail('upstream_refused')
  await rejectsWith(t, send(bob), 'upstream_refused')
})

test('a store that cannot let another message leave changes no answer', async (t) => {
  const { codes, send, check } = setUp(t, () => 'code_rejected')
  const { state } = await send()
  codes.unclaim = () => Promise.reject(new ServiceFailure('store_unavailable'))
  await rejectsWith(t, check('123456', state), 'code_rejected')
})
