/** What several replicas on one Redis promise together of codes by text message. Like `replica-proofs.ts`. */

import type { Test } from 'tap'
import { confirm } from './must.ts'
import { contentsOf, passTime } from './redis-contents.ts'
import type { RedisServer } from './redis-server.ts'
import type { Figures } from './replica-proofs.ts'
import { type AppAnswer, calmly, type Replicas } from './replicas.ts'

export const smsSettings = { SMS_FALLBACK: 'true', RATE_LIMIT_SMS_PER_NUMBER_PER_HOUR: '0' }
/** The limits as they are by default. */
export const limitSettings = {
  SMS_FALLBACK: 'true',
  RATE_LIMIT_CALLER_PER_MINUTE: '20',
  RATE_LIMIT_NUMBER_PER_HOUR: '10',
  RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY: '3',
}

/** Not of the virtual operator, which gets no messages. */
const numberOf = (n: number) => `+4477009${String(n).padStart(5, '0')}`

type Ask = (replica: Replicas['replicas'][number]) => Promise<AppAnswer>

/** At the replicas in turn. */
function askAt(t: Test, { replicas }: Replicas, n: number, ask: Ask): Promise<AppAnswer> {
  const replica = replicas[n % replicas.length]
  confirm(t, replica)
  return calmly(() => ask(replica))
}

function tally(answers: AppAnswer[]): Record<string, number> {
  const groups = Map.groupBy(answers, ({ status, code }) => code ?? String(status))
  return Object.fromEntries([...groups].map(([key, all]) => [key, all.length]))
}

async function stateFor(t: Test, world: Replicas, n: number, token: string): Promise<string> {
  const { body } = await askAt(t, world, n, ({ sendSms }) => sendSms(token, numberOf(n)))
  confirm(t, body.state)
  return body.state
}

/** In each round 200 wrong codes over all replicas at once, and the right one too late. */
export async function proveGuesses(t: Test, world: Replicas, rounds: number): Promise<Figures> {
  const guessers = 200
  const { operator, tokenOf } = world
  const before = operator.exchanged.length
  let unavailable = 0
  for (let n = 0; n < rounds; n++) {
    const token = tokenOf(`guesser-${n}`)
    const state = await stateFor(t, world, n, token)
    const before = operator.exchanged.length
    const answers = await Promise.all(
      Array.from({ length: guessers }, (_, k) =>
        askAt(t, world, k, ({ finish }) => finish(token, { code: `wrong-${k}`, state })),
      ),
    )
    const checks = operator.exchanged.length - before
    const { store_unavailable: lost = 0, ...counted } = tally(answers)
    // On a machine busy with other tests Redis may answer too late: such a guess is lost, and never one too many.
    t.ok(lost > 0 ? checks <= 3 : checks === 3, `${checks} checks in round ${n}`)
    if (lost === 0) t.strictSame(counted, { wrong_code: 2, code_rejected: guessers - 2 })
    const late = await askAt(t, world, n, ({ finish }) => finish(token, { code: 'right', state }))
    t.equal(late.code, 'code_rejected')
    t.equal(operator.exchanged.length - before, checks)
    unavailable += lost
  }
  return { rounds, guessers, checks: operator.exchanged.length - before, unavailable }
}

/** In each round the right code is typed once, and repeated at every replica, where another code finds nothing any more. */
export async function proveRightCode(t: Test, world: Replicas, rounds: number): Promise<Figures> {
  const { tokenOf } = world
  let verified = 0
  for (let n = 0; n < rounds; n++) {
    const token = tokenOf(`typist-${n}`)
    const state = await stateFor(t, world, n, token)
    const first = await askAt(t, world, n, ({ finish }) => finish(token, { code: 'right', state }))
    t.strictSame(first.body.phone_number, numberOf(n))
    for (let k = 0; k < 3; k++) {
      const again = await askAt(t, world, k, ({ finish }) => finish(token, { code: 'right', state }))
      t.strictSame(again.body, first.body, 'a lost answer, at any replica')
      const other = await askAt(t, world, k, ({ finish }) => finish(token, { code: 'another', state }))
      t.equal(other.code, 'invalid_state')
    }
    verified += 1
  }
  return { rounds, verified }
}

/** One request, repeated at all replicas. */
export async function proveOneMessage(t: Test, world: Replicas, repeats: number): Promise<Figures> {
  const { operator, tokenOf } = world
  const token = tokenOf('impatient')
  const before = operator.messages.length
  const states = new Set<unknown>()
  for (let n = 0; n < repeats; n += 100)
    for (const { status, body } of await Promise.all(
      Array.from({ length: 100 }, (_, k) =>
        askAt(t, world, k, ({ sendSms }) => sendSms(token, numberOf(99))),
      ),
    )) {
      t.equal(status, 200)
      states.add(body.state)
    }
  t.strictSame([operator.messages.length - before, states.size], [1, 1])
  return { repeats, messages: 1 }
}

/** With the limits as they are by default. */
export async function proveSmsLimits(t: Test, world: Replicas, redis: RedisServer): Promise<Figures> {
  const { operator, tokenOf } = world
  const count = 50
  // A cold replica may find Redis slow, and count by itself.
  for (const [n, { sendSms }] of world.replicas.entries())
    for (let k = 0; k < 10; k++) await calmly(() => sendSms(tokenOf(`warm-${n}`), '+99012345678'))
  const sentBy = async (ask: (n: number) => Promise<AppAnswer>) => {
    const before = operator.messages.length
    const answers: AppAnswer[] = []
    for (let n = 0; n < count; n += 5)
      answers.push(...(await Promise.all(Array.from({ length: 5 }, (_, k) => ask(n + k)))))
    return { sent: operator.messages.length - before, ...tally(answers) }
  }
  const greedy = tokenOf('greedy')
  const manyNumbers = await sentBy((n) => askAt(t, world, n, ({ sendSms }) => sendSms(greedy, numberOf(n))))
  t.strictSame(manyNumbers, { sent: 3, 200: 3, rate_limited: count - 3 })
  const manyCallers = await sentBy((n) => {
    const token = tokenOf(`accomplice-${n}`)
    return askAt(t, world, n, ({ sendSms }) => sendSms(token, numberOf(1000)))
  })
  t.strictSame(manyCallers, { sent: 3, 200: 3, rate_limited: count - 3 })

  // One caller and one number, each time after the half minute in which a request is a repeat.
  const patient = tokenOf('patient')
  let messages = 0
  for (let n = 0; n < 8; n++) {
    const before = operator.messages.length
    await askAt(t, world, n, ({ sendSms }) => sendSms(patient, numberOf(2000)))
    messages += operator.messages.length - before
    await passTime(redis, 31_000)
  }
  t.equal(messages, 3)
  return {
    oneCallerFiftyNumbers: manyNumbers.sent,
    fiftyCallersOneNumber: manyCallers.sent,
    inTurn: messages,
  }
}

/** A wrong code leaves the state what is left of its time. */
export async function proveTime(t: Test, world: Replicas, redis: RedisServer): Promise<Figures> {
  const { tokenOf } = world
  const token = tokenOf('slow')
  const state = await stateFor(t, world, 0, token)
  const keys = (await contentsOf(redis)).filter(({ key }) => key.startsWith('nebff:code:'))
  const ttlMs = async () => {
    const codes = (await contentsOf(redis)).filter(({ key }) => key.startsWith('nebff:code:'))
    return codes.reduce((most, { ttlMs }) => Math.max(most, ttlMs), 0)
  }
  t.equal(keys.length, 1)
  await passTime(redis, 100_000)
  const beforeMs = await ttlMs()
  for (const [n, code] of ['wrong_code', 'wrong_code', 'code_rejected'].entries()) {
    const answer = await askAt(t, world, n, ({ finish }) => finish(token, { code: `wrong-${n}`, state }))
    t.equal(answer.code, code)
  }
  const afterMs = await ttlMs()
  t.ok(beforeMs <= 200_000 && afterMs <= beforeMs && afterMs > beforeMs - 10_000, `${beforeMs} ${afterMs}`)
  await passTime(redis, afterMs)
  const over = await askAt(t, world, 0, ({ finish }) => finish(token, { code: 'right', state }))
  t.equal(over.code, 'invalid_state')
  return { leftBeforeMs: beforeMs, leftAfterThreeGuessesMs: afterMs }
}
