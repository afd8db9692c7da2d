/**
 * What several replicas on one Redis promise together. Each proof asserts, and returns its figures: the tests run them short,
 * `scripts/proof-replicas.ts` long.
 */

import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import { must } from './must.ts'
import { contentsOf, watchRedis } from './redis-contents.ts'
import type { RedisServer } from './redis-server.ts'
import {
  type AppAnswer,
  calmly,
  keepDoing,
  landingOf,
  phoneNumber,
  type Replica,
  type Replicas,
} from './replicas.ts'
import { mostInASecond } from './sliding-second.ts'

export type Figures = Record<string, number>

/** While Redis hangs, a request waits 300 ms for one command. */
const maxAnswerMs = 500
const maxRecoveryMs = 2000

const round = (value: number) => Math.round(value * 10) / 10
const largest = (values: number[]) => round(Math.max(0, ...values))

function nth<T>(list: readonly T[], n: number): T {
  const item = list[n % list.length]
  must(item)
  return item
}

/** Each flow starts at one replica, lands at the next and finishes at the third; then nothing of it is readable in Redis. */
export async function proveCrossing(
  t: Test,
  { replicas, operator, tokenOf }: Replicas,
  redis: RedisServer,
  flows: number,
): Promise<Figures> {
  const seen = await watchRedis(t, redis)
  const secrets: string[] = ['canary-operator-token']
  let done = 0
  async function walk(n: number): Promise<void> {
    const [code, subject, number] = [`canary-code-${n}`, `canary-subject-${n}`, phoneNumber(n)]
    const token = tokenOf(subject)
    const started = await calmly(() => nth(replicas, n).start(token, number))
    t.equal(started.status, 200)
    const landing = landingOf(started, code)
    const { state, request_id: requestId } = landing
    if (state !== undefined) {
      const landed = await calmly(() => nth(replicas, n + 1).land(code, state))
      t.strictSame(landed.body, landing)
    }
    const finished = await calmly(() => nth(replicas, n + 2).finish(token, landing))
    const { receipt = '', ...result } = finished.body
    t.strictSame([finished.status, result], [200, { phone_number: number, phone_number_verified: true }])
    t.ok(receipt)
    secrets.push(
      receipt,
      receipt.split('.')[2] ?? '',
      code,
      subject,
      number.slice(1),
      state ?? '',
      requestId ?? '',
      token,
      token.split('.')[1] ?? '',
    )
    done += 1
  }
  for (let n = 0; n < flows; n += 10) await Promise.all(Array.from({ length: 10 }, (_, k) => walk(n + k)))
  const exchangedOnce = operator.exchanged.length === flows && new Set(operator.exchanged).size === flows
  t.ok(exchangedOnce, 'each code was exchanged once')

  const entries = await contentsOf(redis)
  t.ok(entries.length >= flows && seen.length >= 3 * flows, 'Redis was used, and seen')
  const readable = JSON.stringify(entries) + seen.join('\n')
  t.strictSame(
    secrets.filter((secret) => secret !== '' && readable.includes(secret)),
    [],
  )
  return {
    flows: done,
    redisKeys: entries.length,
    redisCommandsSeen: seen.length,
    secretsLookedFor: secrets.length,
  }
}

/**
 * In each round 200 requests over all replicas finish one verification, and 50 more guess at its code: one exchange, one signature,
 * 200 equal answers.
 */
export async function proveRaces(
  t: Test,
  { replicas, operator, tokenOf }: Replicas,
  rounds: number,
): Promise<Figures> {
  const [racers, guessers] = [200, 50]
  const signedBefore = await receiptsSigned(replicas)
  let winners = 0
  for (let n = 0; n < rounds; n++) {
    const token = tokenOf(`racer-${n}`)
    const started = await calmly(() => nth(replicas, n).start(token, phoneNumber(n)))
    const before = operator.exchanged.length
    const finish = (k: number, code: string) =>
      calmly(() => nth(replicas, n + k).finish(token, landingOf(started, code)))
    const racing = Array.from({ length: racers }, (_, k) => finish(k, 'code'))
    // A guess that comes first has the state.
    await Promise.race(racing)
    const guesses = await Promise.all(Array.from({ length: guessers }, (_, k) => finish(k, `code-${k}`)))
    const answers = await Promise.all(racing)
    t.equal(operator.exchanged.length - before, 1, `round ${n}`)
    t.strictSame(new Set(guesses.map(({ code }) => code)), new Set(['invalid_state']))
    t.strictSame(new Set(answers.map(({ status, code }) => code ?? status)), new Set([200]))
    t.equal(new Set(answers.map(({ body }) => JSON.stringify(body))).size, 1)
    t.ok(answers[0]?.body.receipt)
    winners += answers.length
  }
  const signatures = (await receiptsSigned(replicas)) - signedBefore
  t.equal(signatures, rounds)
  return { rounds, racers, exchanges: rounds, signatures, equalAnswers: winners }
}

async function receiptsSigned(replicas: readonly Replica[]): Promise<number> {
  const texts = await Promise.all(replicas.map(({ metrics }) => metrics()))
  const count = (text: string) => Number(/^nebff_receipts_total\{outcome="issued"\} (\d+)$/m.exec(text)?.[1])
  return texts.map(count).reduce((sum, signed) => sum + signed, 0)
}

/** One replica is killed while flows start at it; what it answered can be finished at the others, once. */
export async function proveKill(t: Test, { replicas, operator, tokenOf }: Replicas): Promise<Figures> {
  const [victim, ...others] = replicas as [Replica, ...Replica[]]
  const before = operator.exchanged.length
  const starting = keepDoing(10, async (n) => {
    const token = tokenOf(`survivor-${n}`)
    return { token, started: await victim.start(token, phoneNumber(n)) }
  })
  await wait(600)
  victim.process.child.kill('SIGKILL')
  const all = await starting.stop()
  const flows = all.filter(({ started }) => started.status === 200)
  t.ok(flows.length > 20, `${flows.length} flows`)
  for (const [n, { token, started }] of flows.entries()) {
    const finished = await calmly(() => nth(others, n).finish(token, landingOf(started, `survived-${n}`)))
    t.equal(finished.body.phone_number_verified, true)
    const again = await calmly(() => nth(others, n).finish(token, landingOf(started, `again-${n}`)))
    t.equal(again.code, 'invalid_state')
  }
  t.equal(operator.exchanged.length - before, flows.length)
  return {
    startedAtTheVictim: flows.length,
    finishedElsewhere: flows.length,
    unansweredAtTheKill: all.length - flows.length,
  }
}

type Product = 'network_enablement' | 'verify'

/**
 * A fleet goes from one product to the other under load, one replica at a time, and back again. Each verification takes its device so long
 * that many end at a replica of the other product than the one that began them.
 * @param restMs between two changes
 */
export async function proveSwitch(
  t: Test,
  { replicas, open, operator, tokenOf }: Replicas,
  restMs: number,
): Promise<Figures> {
  type Member = { product: Product; replica: Replica }
  let fleet = replicas.map((replica): Member => ({ product: 'network_enablement', replica }))
  await Promise.all(replicas.map(untilReady))
  const before = operator.exchanged.length
  let repeated = 0
  /** As an app does on `retry`: the machine, or Redis, was too busy. */
  async function insist(
    ask: () => Promise<AppAnswer>,
  ): Promise<{ answer: AppAnswer; storeWasLate: boolean }> {
    let storeWasLate = false
    for (;;) {
      const answer = await ask()
      if (answer.status < 500) return { answer, storeWasLate }
      storeWasLate ||= answer.code === 'store_unavailable'
      repeated += 1
      await wait(100)
    }
  }
  const flows = keepDoing(25, async (n) => {
    const token = tokenOf(`mover-${n}`)
    let at = nth(fleet, n)
    const { answer: started } = await insist(() => {
      at = nth(fleet, n)
      return at.replica.start(token, phoneNumber(n))
    })
    const began = at.product
    const landing = landingOf(started, `moved-${began}-${n}`)
    await wait(restMs)
    const { answer: finished, storeWasLate } = await insist(() => {
      at = nth(fleet, n + 1)
      return at.replica.finish(token, landing)
    })
    return { number: phoneNumber(n), began, ended: at.product, finished, storeWasLate }
  })
  for (const product of ['verify', 'network_enablement'] as const)
    for (const { replica: leaving } of [...fleet]) {
      const replica = await open({ VONAGE_PRODUCT: product })
      await untilReady(replica)
      fleet = [...fleet.slice(1), { product, replica }]
      // What was on its way to it has its answer.
      await wait(restMs)
      leaving.process.child.kill('SIGTERM')
      t.equal(await leaving.process.exited, 0)
    }
  const all = await flows.stop()
  const failed = all.filter(({ number, finished: { status, body } }) => {
    return status !== 200 || body.phone_number !== number || body.phone_number_verified !== true
  })
  // A verification that Redis handed out too late counts as used, whatever runs.
  const lost = failed.filter(
    ({ storeWasLate, finished }) => !storeWasLate || finished.code !== 'invalid_state',
  )
  t.strictSame(
    lost.map(({ began, ended, finished }) => [began, ended, finished.status, finished.code]),
    [],
  )
  const spent = operator.exchanged.slice(before)
  t.equal(spent.length, all.length - failed.length, 'each code was spent once')
  t.strictSame(
    spent.filter((code) => code.startsWith('moved-verify-')).sort(),
    operator.checked.toSorted(),
    'by the product that began its verification',
  )
  const crossed = (from: Product, to: Product) =>
    all.filter(({ began, ended }) => began === from && ended === to).length
  const figures = {
    verifications: all.length,
    lost: lost.length,
    lostByALateRedis: failed.length,
    requestsRepeated: repeated,
    ofNetworkEnablementAtVerify: crossed('network_enablement', 'verify'),
    ofVerifyAtNetworkEnablement: crossed('verify', 'network_enablement'),
  }
  t.ok(figures.ofNetworkEnablementAtVerify > 0 && figures.ofVerifyAtNetworkEnablement > 0)
  return figures
}

/** Redis is taken away for so long, and given back. */
export async function proveOutage(
  t: Test,
  { replicas, tokenOf }: Replicas,
  outageMs: number,
  away: () => unknown,
  back: () => unknown,
): Promise<Figures> {
  const pids = replicas.map(({ process }) => process.child.pid)
  const token = tokenOf('outage')
  await untilStartsWork(replicas, token)
  await away()
  const awayAtMs = performance.now()
  const asking = keepDoing(20, async (n) => {
    const replica = nth(replicas, n)
    const path = n % 2 ? '/livez' : '/readyz'
    const state = 's'.repeat(43)
    return Promise.all([
      replica.start(token, phoneNumber(n)),
      replica.finish(token, { code: 'code', state }),
      replica.get(path),
    ])
  })
  await wait(outageMs)
  await back()
  const backAtMs = performance.now()
  await untilStartsWork(replicas, token)
  const recoveredAfterMs = performance.now() - backAtMs
  const answers = await asking.stop()
  const meanwhile = answers.filter(
    ([{ sentAtMs }]) => sentAtMs > awayAtMs && sentAtMs < backAtMs - maxAnswerMs,
  )
  t.ok(meanwhile.length > outageMs / 100, `${meanwhile.length} rounds of requests`)
  const kinds = new Set(
    meanwhile.flatMap(([start, finish]) => [start, finish].map(({ status, code }) => `${status} ${code}`)),
  )
  t.strictSame([...kinds], ['503 store_unavailable'])
  for (const [n, [, , probe]] of meanwhile.entries())
    t.equal(probe.status, n % 2 ? 200 : 503, 'alive and not ready')
  const slowestMs = largest(meanwhile.flat().map(({ ms }) => ms))
  t.ok(slowestMs < maxAnswerMs, `${slowestMs} ms`)
  t.ok(recoveredAfterMs < maxRecoveryMs, `recovered after ${recoveredAfterMs} ms`)
  for (const { get } of replicas) t.equal((await get('/readyz')).status, 200)
  const still = replicas.map(({ process: { child } }) => (child.exitCode === null ? child.pid : undefined))
  t.strictSame(still, pids, 'the same processes')
  return { outageMs, requests: 3 * meanwhile.length, slowestMs, recoveredAfterMs: round(recoveredAfterMs) }
}

async function untilReady({ get }: Replica): Promise<void> {
  while ((await get('/readyz')).status !== 200) await wait(10)
}

async function untilStartsWork(replicas: readonly Replica[], token: string): Promise<void> {
  for (const { start } of replicas) while ((await start(token, phoneNumber(1))).status !== 200) await wait(10)
}

/** So many starts a second at replicas whose quota is 10. @param midway called after half of the time */
export async function proveQuota(
  t: Test,
  { replicas, operator, tokenOf }: Replicas,
  { seconds, startsPerSecond = 200 }: { seconds: number; startsPerSecond?: number },
  midway: () => unknown = () => undefined,
): Promise<Figures> {
  const token = tokenOf('eager')
  await untilStartsWork(replicas, token)
  const before = operator.startedAtMs.length
  const offering = keepDoing(1000 / startsPerSecond, (n) => nth(replicas, n).start(token, phoneNumber(n)))
  await wait((seconds * 1000) / 2)
  await midway()
  await wait((seconds * 1000) / 2)
  const answers = await offering.stop()
  const arrived = operator.startedAtMs.slice(before)
  const most = mostInASecond(arrived)
  t.ok(most <= 10, `${most} starts in a second`)
  const refusals = answers.filter(({ status }) => status !== 200)
  // 504 is a permit that came so late that no time was left for the call.
  const codes = Object.entries(Object.groupBy(refusals, ({ status, code }) => `${status} ${code}`))
  const expected = ['503 upstream_busy', '503 overloaded', '503 store_unavailable', '504 upstream_timeout']
  t.strictSame(
    codes.filter(([code]) => !expected.includes(code)).map(([code]) => code),
    [],
  )
  const refusalMs = refusals.map(({ ms }) => ms).toSorted((a, b) => a - b)
  return {
    offered: answers.length,
    answered200: answers.length - refusals.length,
    reachedTheOperator: arrived.length,
    mostInASecond: most,
    ...Object.fromEntries(codes.map(([code, all]) => [code.replace(' ', '_'), all?.length ?? 0])),
    refusalP50Ms: round(refusalMs[Math.floor(refusalMs.length * 0.5)] ?? 0),
    refusalsSlowerThan500Ms: refusalMs.filter((ms) => ms > 500).length,
    refusalP99Ms: round(refusalMs[Math.floor(refusalMs.length * 0.99)] ?? 0),
  }
}

/** A change of master: when requests fail, and for how long. */
export async function proveFailover(
  t: Test,
  { replicas, tokenOf }: Replicas,
  fail: () => unknown,
): Promise<Figures> {
  const token = tokenOf('failover')
  await untilStartsWork(replicas, token)
  const asking = keepDoing(20, (n) => nth(replicas, n).start(token, phoneNumber(n)))
  await wait(500)
  await fail()
  const failedAtMs = performance.now()
  await wait(7000)
  const answers: AppAnswer[] = await asking.stop()
  const endOf = ({ sentAtMs, ms }: AppAnswer) => sentAtMs + ms
  const errors = answers.filter(({ status }) => status !== 200)
  t.ok(errors.length > 0 && errors.every(({ code }) => code === 'store_unavailable'))
  const lastErrorAfterMs = largest(errors.map((answer) => endOf(answer) - failedAtMs))
  t.ok(lastErrorAfterMs < 5000, `errors for ${lastErrorAfterMs} ms`)
  return { requests: answers.length, errors: errors.length, lastErrorAfterMs }
}

export function print(figures: Figures): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}
