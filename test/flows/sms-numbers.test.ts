/**
 * Every number that the simulator documents for Verify v2, on its way by text message: where it ends, and how many messages it cost.
 * Written from the documents of both sides, and not from either's tables.
 */
import { t as file, type Test, test } from 'tap'
import { verifyNumbers } from '../../simulator/verify-v2/numbers.ts'
import type { FailureCode } from '../../src/core/failures.ts'
import { contract } from '../support/problem.ts'
import type { Answer } from '../support/service.ts'
import { openSmsWorld, pass, type SmsWorld } from '../support/sms-world.ts'

type Outcome = FailureCode | 'verified'
type Step = 'start' | 'next' | 'check'

/** The ends of +447700900…; messages: how many reach the number in all, when they are not one. */
const expected: Record<Step, Record<string, Outcome | [Outcome, messages: number]>> = {
  // Of one step, which is a message, with either product.
  start: {
    200: 'verified',
    201: ['upstream_refused', 0],
    202: ['verification_in_progress', 0],
    203: ['network_not_supported', 0],
    204: ['upstream_refused', 0],
    205: ['upstream_refused', 0],
    206: ['upstream_refused', 0],
    207: ['upstream_busy', 0],
    208: ['upstream_invalid', 0],
    209: ['upstream_busy', 0],
    210: ['upstream_invalid', 0],
    211: ['upstream_invalid', 0],
    212: ['upstream_invalid', 0],
    213: ['upstream_invalid', 0],
    // A URL is of no use to a message, and one that may not be handed out is a fault all the same.
    214: 'upstream_invalid',
    215: 'upstream_invalid',
    // It runs, and its answer was lost: before a byte of it on a connection that was kept, so that it was sent again; and within it.
    217: 'verification_in_progress',
    218: 'upstream_invalid',
  },
  // After a silent start.
  next: {
    250: 'verified',
    251: ['upstream_busy', 0],
    253: ['verification_in_progress', 0],
    254: ['upstream_busy', 0],
    255: ['upstream_invalid', 0],
    // Sent again in the same way, which tells that it has moved on.
    257: 'verified',
  },
  check: {
    230: 'wrong_code',
    231: 'code_rejected',
    232: 'code_rejected',
    233: 'code_rejected',
    234: 'upstream_refused',
    235: 'upstream_refused',
    236: 'upstream_busy',
    237: 'upstream_invalid',
    238: 'outcome_unknown',
    239: 'upstream_invalid',
    240: 'upstream_invalid',
    242: 'outcome_unknown',
    243: 'outcome_unknown',
  },
}

/** Numbers with which Vonage keeps the service waiting. */
const late: Record<Step, Record<string, Outcome>> = {
  start: { 216: 'upstream_timeout' },
  next: { 256: 'upstream_timeout' },
  check: { 241: 'outcome_unknown' },
}

const numberOf = (end: string) => `+447700900${end}`

/** As far as it goes. */
async function verify(world: SmsWorld, token: string, step: Step, number: string): Promise<Answer> {
  if (step === 'next') await world.authUrl(token, number)
  const sent = await world.sendSms(token, number)
  if (sent.status !== 200) return sent
  const code = world.inbox(number).at(-1) ?? ''
  return world.finish(token, { code, state: sent.body.state })
}

function assertOutcome(t: Test, { status, body }: Answer, outcome: Outcome): void {
  if (outcome === 'verified') t.strictSame([status, body.phone_number_verified], [200, true])
  else t.strictSame([status, body.code], [contract[outcome][0], outcome])
}

const worlds = {
  start: await openSmsWorld((close) => file.teardown(close), 'network_enablement'),
  next: await openSmsWorld((close) => file.teardown(close), 'verify'),
  check: await openSmsWorld((close) => file.teardown(close), 'network_enablement'),
}

test('every number with a fault on the way of a message is here', async (t) => {
  for (const [step, ends] of Object.entries(expected)) {
    const own = [...Object.keys(ends), ...Object.keys(late[step as Step])].map(numberOf)
    const documented = verifyNumbers.filter((row) => row.step === step && !row.pattern)
    const elsewhere = step === 'next' ? [numberOf('252')] : []
    t.strictSame([...own, ...elsewhere].sort(), documented.map(({ number }) => number).sort())
  }
})

let used = 400
for (const step of ['start', 'next', 'check'] as const)
  for (const [end, expectation] of Object.entries(expected[step])) {
    const [outcome, messages] = typeof expectation === 'string' ? [expectation, 1] : expectation
    test(`${numberOf(end)} is ${outcome} at ${step}, ${messages} in the inbox`, async (t) => {
      const world = worlds[step]
      const token = await world.tokenOf('alice')
      assertOutcome(t, await verify(world, token, step, numberOf(end)), outcome)
      t.equal(world.inbox(numberOf(end)).length, messages)
      // A quota that was stopped goes on, and a circuit counts from the beginning.
      pass(2)
      assertOutcome(t, await verify(world, token, step, numberOf(String(++used))), 'verified')
    })
  }

test('+447700900252: where Vonage knows no further step, the app gets a state, and nothing more is sent', async (t) => {
  const world = worlds.next
  const token = await world.tokenOf('alice')
  await world.authUrl(token, numberOf('252'))
  t.equal((await world.sendSms(token, numberOf('252'))).status, 200)
  t.strictSame(world.inbox(numberOf('252')), [])
})

test('an answer that was lost costs no second message when the app asks again', async (t) => {
  const world = worlds.start
  // Since the test of this number Vonage has forgotten it.
  pass(400)
  const token = await world.tokenOf('bob')
  assertOutcome(t, await world.sendSms(token, numberOf('218')), 'upstream_invalid')
  const before = world.inbox(numberOf('218')).length
  assertOutcome(t, await world.sendSms(token, numberOf('218')), 'verification_in_progress')
  t.equal(world.inbox(numberOf('218')).length, before)
})

test('"send again" is refused while Vonage waits for the code, which still counts', async (t) => {
  const world = worlds.start
  const [token, number] = [await world.tokenOf('alice'), numberOf('499')]
  const state = await world.stateOf(token, number)
  pass(31)
  assertOutcome(t, await world.sendSms(token, number), 'verification_in_progress')
  const [code = '', ...more] = world.inbox(number)
  t.strictSame(more, [])
  assertOutcome(t, await world.finish(token, { code, state }), 'verified')
})

test('while the quota is spent no message leaves, and who asks again gets one', async (t) => {
  const world = await openSmsWorld((close) => t.teardown(close), 'network_enablement', {
    VONAGE_REQUESTS_PER_SECOND: '2',
    START_TIMEOUT_MS: '1000',
  })
  const numbers = Array.from({ length: 12 }, (_, n) => numberOf(String(500 + n)))
  const token = await world.tokenOf('alice')
  const answers = await Promise.all(numbers.map((number) => world.sendSms(token, number)))
  const sent = numbers.filter((number) => world.inbox(number).length > 0)
  const refused = answers.filter(({ status }) => status !== 200)
  t.strictSame([...new Set(refused.map(({ body }) => body.code))], ['upstream_busy'])
  t.equal(sent.length, numbers.length - refused.length)
  t.ok(sent.length <= 4 && world.calls().starts === sent.length, `${sent.length} messages`)
  const [unlucky = ''] = numbers.filter((number) => !sent.includes(number))
  pass(1)
  assertOutcome(t, await verify(world, token, 'start', unlucky), 'verified')
})

test('late answers:', async (t) => {
  const forever = (_durationMs: number, signal: AbortSignal) =>
    new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
  const deadlines = { START_TIMEOUT_MS: '1500', FINISH_TIMEOUT_MS: '1500' }
  for (const step of ['start', 'next', 'check'] as const)
    for (const [end, outcome] of Object.entries(late[step]))
      await t.test(`${numberOf(end)} is ${outcome} at ${step}, for one message`, async (t) => {
        const product = step === 'next' ? 'verify' : 'network_enablement'
        const world = await openSmsWorld((close) => t.teardown(close), product, deadlines, { sleep: forever })
        const token = await world.tokenOf('alice')
        assertOutcome(t, await verify(world, token, step, numberOf(end)), outcome)
        t.equal(world.inbox(numberOf(end)).length, 1)
      })
})
