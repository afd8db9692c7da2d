/**
 * The whole story of a code by text message over real sockets, for both products: the silent way fails, a message arrives, and the user
 * types its code. What Vonage charges for is counted: messages in inboxes, and calls.
 */

import { decodeJwt } from 'jose'
import { t as file, type Test, test } from 'tap'
import { contract } from '../support/problem.ts'
import type { Answer } from '../support/service.ts'
import { openSmsWorld, pass, products, type SmsWorld, wrong } from '../support/sms-world.ts'

const worlds = {
  network_enablement: await openSmsWorld((close) => file.teardown(close), 'network_enablement'),
  verify: await openSmsWorld((close) => file.teardown(close), 'verify'),
}
const { verify } = worlds

/** Each test has a number of its own, which no fault is documented for. */
let used = 300
const freshNumber = () => `+447700900${++used}`

function assertProblem(t: Test, { status, body }: Answer, code: keyof typeof contract): void {
  t.strictSame([status, body.code], [contract[code][0], code])
}

function methodOf({ body }: Answer): unknown {
  return decodeJwt(String(body.receipt)).verification_method
}

/** Calls of Vonage's during the work. */
async function asked<T>(
  world: SmsWorld,
  work: () => Promise<T>,
): Promise<[T, ReturnType<SmsWorld['calls']>]> {
  const before = world.calls()
  const done = await work()
  const { starts, nexts, checks } = world.calls()
  return [
    done,
    { starts: starts - before.starts, nexts: nexts - before.nexts, checks: checks - before.checks },
  ]
}

/** The silent way as it fails most often with this product: the answer that says so. */
const failSilently = {
  network_enablement: ({ start }: SmsWorld, token: string, number: string) => start(token, number),
  verify: ({ open }: SmsWorld, token: string, number: string) => open(token, number, { network: 'wifi' }),
}

for (const product of products) {
  const world = worlds[product]
  const { sendSms, stateOf, inbox, finish, tokenOf } = world

  test(`${product}: where the silent way fails, a code by text message verifies the number`, async (t) => {
    const [token, mallory, number] = [await tokenOf('alice'), await tokenOf('mallory'), freshNumber()]
    t.ok((await failSilently[product](world, token, number)).status >= 400)
    const { status, body } = await sendSms(token, number)
    t.equal(status, 200)
    t.strictSame(Object.keys(body), ['state', 'code_length', 'expires_in'])
    const [code = '', ...more] = inbox(number)
    t.strictSame([code.length, more], [6, []])
    const typed = { code, state: String(body.state) }
    assertProblem(t, await finish(mallory, typed), 'invalid_state')
    const finished = await finish(token, typed)
    t.strictSame(Object.keys(finished.body), ['phone_number', 'phone_number_verified', 'receipt'])
    t.strictSame([finished.body.phone_number, finished.body.phone_number_verified], [number, true])
    t.equal(methodOf(finished), 'sms')
    t.equal((await finish(token, typed)).text, finished.text, 'a lost answer')
    assertProblem(t, await finish(token, { ...typed, code: wrong(code) }), 'invalid_state')
  })

  test(`${product}: two wrong codes may be followed by the right one, three not`, async (t) => {
    const token = await tokenOf('alice')
    for (const guesses of [2, 3]) {
      const number = freshNumber()
      const state = await stateOf(token, number)
      const [code = ''] = inbox(number)
      for (let guess = 1; guess <= guesses; guess++)
        assertProblem(
          t,
          await finish(token, { code: wrong(code, guess), state }),
          guess === 3 ? 'code_rejected' : 'wrong_code',
        )
      const [last, { checks }] = await asked(world, () => finish(token, { code, state }))
      if (guesses === 3) assertProblem(t, last, 'code_rejected')
      else t.equal(last.status, 200)
      t.equal(checks, 3 - guesses)
      // Starting again leads to another message, without a wait.
      t.not(await stateOf(token, number), state)
      t.equal(inbox(number).length, 2)
    }
  })

  test(`${product}: a message that never comes, comes late, or has wrong codes`, async (t) => {
    const token = await tokenOf('alice')
    await stateOf(token, '+447700900260')
    pass(290)
    t.strictSame(inbox('+447700900260'), [])

    const late = await stateOf(token, '+447700900261')
    t.strictSame(inbox('+447700900261'), [])
    pass(20)
    const [code = ''] = inbox('+447700900261')
    t.equal((await finish(token, { code, state: late })).status, 200)

    const state = await stateOf(token, '+447700900262')
    const [shown = ''] = inbox('+447700900262')
    const codes = []
    for (let guess = 0; guess < 4; guess++) {
      const { body } = await finish(token, { code: shown, state })
      codes.push(body.code)
    }
    t.strictSame(codes, ['wrong_code', 'wrong_code', 'code_rejected', 'code_rejected'])
    t.equal(inbox('+447700900262').length, 1)
  })

  test(`${product}: the code's time is over after 300 s`, async (t) => {
    const [token, number] = [await tokenOf('alice'), freshNumber()]
    const state = await stateOf(token, number)
    const [code = ''] = inbox(number)
    pass(299)
    assertProblem(t, await finish(token, { code: wrong(code), state }), 'wrong_code')
    pass(1)
    assertProblem(t, await finish(token, { code, state }), 'invalid_state')
  })

  test(`${product}: 1,000 requests send one message`, async (t) => {
    const [token, number] = [await tokenOf('alice'), freshNumber()]
    const states = new Set<string>()
    const [, { starts }] = await asked(world, async () => {
      for (let n = 0; n < 1000; n += 100)
        for (const state of await Promise.all(Array.from({ length: 100 }, () => stateOf(token, number))))
          states.add(state)
    })
    t.strictSame([states.size, starts, inbox(number).length], [1, 1, 1])
  })

  test(`${product}: a number of the virtual operator gets no message, and Vonage is not asked`, async (t) => {
    const token = await tokenOf('alice')
    const [answer, calls] = await asked(world, () => sendSms(token, '+99012345678'))
    assertProblem(t, answer, 'network_not_supported')
    t.strictSame(calls, { starts: 0, nexts: 0, checks: 0 })
  })
}

test('a start of Verify that is under way is moved on, and the number gets one message', async (t) => {
  const [token, number] = [await verify.tokenOf('alice'), freshNumber()]
  await verify.authUrl(token, number)
  const [state, calls] = await asked(verify, () => verify.stateOf(token, number))
  t.strictSame(calls, { starts: 0, nexts: 1, checks: 0 })
  const [code = '', ...more] = verify.inbox(number)
  t.strictSame(more, [])
  pass(61)
  const finished = await verify.finish(token, { code, state })
  t.strictSame([finished.status, methodOf(finished)], [200, 'sms'])
  t.equal(verify.inbox(number).length, 1)
})

test('when Vonage has moved on by itself, the app gets a state for that message', async (t) => {
  const token = await verify.tokenOf('alice')
  const unsupported = '+447700900200'
  assertProblem(t, await verify.start(token, unsupported), 'network_not_supported')
  const number = freshNumber()
  await verify.authUrl(token, number)
  pass(60)
  for (const moved of [unsupported, number]) {
    const [state, calls] = await asked(verify, () => verify.stateOf(token, moved))
    t.strictSame(calls, { starts: 0, nexts: 0, checks: 0 })
    const [code = '', ...more] = verify.inbox(moved)
    t.strictSame(more, [])
    t.equal(methodOf(await verify.finish(token, { code, state })), 'sms')
  }
})

test('after a silent code that Vonage refused the message is asked of the same verification first', async (t) => {
  const token = await verify.tokenOf('alice')
  // Refused as the wrong one, after which it is over; and refused although it is right, after which it runs.
  for (const [number, code, calls] of [
    [freshNumber(), 'si9sfG', { starts: 1, nexts: 1, checks: 0 }],
    ['+447700900230', undefined, { starts: 0, nexts: 1, checks: 0 }],
  ] as const) {
    const { body } = await verify.open(token, number)
    assertProblem(t, await verify.finish(token, { ...body, ...(code && { code }) }), 'code_rejected')
    const [, seen] = await asked(verify, () => verify.stateOf(token, number))
    t.strictSame([seen, verify.inbox(number).length], [calls, 1])
  }
})

test("another caller's start is not moved on, and gets no code of it", async (t) => {
  const [alice, mallory, number] = [
    await verify.tokenOf('alice'),
    await verify.tokenOf('mallory'),
    freshNumber(),
  ]
  await verify.authUrl(alice, number)
  const [answer, { nexts }] = await asked(verify, () => verify.sendSms(mallory, number))
  assertProblem(t, answer, 'verification_in_progress')
  t.equal(answer.headers.get('retry-after'), '60')
  t.strictSame([nexts, verify.inbox(number)], [0, []])
})

test('a silent code that arrives after the move is code_rejected, and the typed one is still good', async (t) => {
  const [token, number] = [await verify.tokenOf('alice'), freshNumber()]
  const silent = await verify.open(token, number)
  t.equal(silent.status, 200)
  const state = await verify.stateOf(token, number)
  assertProblem(t, await verify.finish(token, silent.text), 'code_rejected')
  const [code = ''] = verify.inbox(number)
  assertProblem(t, await verify.finish(token, { code: wrong(code), state }), 'wrong_code')
  t.equal((await verify.finish(token, { code, state })).status, 200)
})

test("a receipt never takes the code of a message for a device's", async (t) => {
  const [token, number] = [await verify.tokenOf('alice'), freshNumber()]
  const { body } = await verify.open(token, number)
  await verify.stateOf(token, number)
  const [code = ''] = verify.inbox(number)
  const finished = await verify.finish(token, { code, request_id: body.request_id })
  t.strictSame([finished.status, methodOf(finished)], [200, 'sms'])
})
