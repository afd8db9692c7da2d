/** One route to Vonage: its bound on calls in flight, its one repeat, and its order. The breaker has its own file. */

import { setImmediate } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { createRoute, type Outcome, type RouteOptions } from '../../src/vonage/route.ts'
import { createFakeClock } from '../support/clock.ts'
import { confirm } from '../support/must.ts'
import { answer, createScriptedTransport, noAnswer, request } from '../support/scripted-transport.ts'
import { recordEvents } from '../support/unobserved.ts'

const call = 'network_enablement'
const never = new AbortController().signal
const maxWaiting = 64

interface ScriptedQuota extends NonNullable<RouteOptions['quota']> {
  /** Permits asked for so far. */
  asked(): number
  paused: number[]
}

/** @param refusals what each permit asked for gets, in order: seconds, or undefined for a permit; then permits without end */
function createScriptedQuota(...refusals: Array<number | undefined>): ScriptedQuota {
  let asked = 0
  const paused: number[] = []
  return {
    asked: () => asked,
    paused,
    acquire: async () => refusals[asked++],
    pause: async (ms) => void paused.push(ms),
  }
}

function openRoute(
  script: Parameters<typeof createScriptedTransport>[0],
  { maxInFlight = 10, quota }: { maxInFlight?: number; quota?: RouteOptions['quota'] } = {},
) {
  const transport = createScriptedTransport(script)
  const clock = createFakeClock()
  const { events, seen } = recordEvents()
  const route = createRoute({ call, transport, maxInFlight, quota, clock, events })
  return {
    transport,
    clock,
    seen,
    circuit: route.circuit,
    send: (signal = never) => route.send(request, signal),
  }
}

function retryAfterOf(t: Test, outcome: Outcome): number {
  t.equal(outcome.kind, 'busy')
  confirm(t, outcome.kind === 'busy')
  return outcome.retryAfterSeconds
}

test('an answer passes unchanged, whatever its status', async (t) => {
  for (const status of [200, 302, 401, 422, 500]) {
    const only = answer(status, { 'x-a': 'b' })
    t.equal(await openRoute([only]).send(), only)
  }
})

test('an error of the transport, which never rejects, is not hidden', async (t) => {
  const bug = new Error('bug')
  const { send } = openRoute(() => {
    throw bug
  })
  await t.rejects(send(), bug)
})

test('a spent quota refuses with its time, and nothing is sent', async (t) => {
  const { send, transport } = openRoute([], { quota: createScriptedQuota(7) })
  t.equal(retryAfterOf(t, await send()), 7)
  t.equal(transport.count(), 0)
})

test('a time beyond a minute is told as a minute', async (t) => {
  t.equal(retryAfterOf(t, await openRoute([], { quota: createScriptedQuota(3600) }).send()), 60)
})

test('as many calls are in flight as allowed, 64 wait, and the next is refused at once', async (t) => {
  const { send, transport } = openRoute([], { maxInFlight: 3 })
  const calls = Array.from({ length: 3 + maxWaiting }, () => send())
  await setImmediate()
  t.equal(transport.count(), 3)
  t.equal(retryAfterOf(t, await send()), 1)
  for (let ended = 1; ended <= calls.length; ended++) {
    await transport.end(answer(200))
    t.equal(transport.inFlight(), Math.min(3, calls.length - ended))
  }
  for (const outcome of await Promise.all(calls)) t.equal(outcome.kind, 'answer')
  t.equal(transport.count(), 3 + maxWaiting)
})

test('who waits for a place gives up at its deadline, and is never sent', async (t) => {
  const { send, transport } = openRoute([], { maxInFlight: 1 })
  const first = send()
  const deadline = new AbortController()
  const late = send(deadline.signal)
  await setImmediate()
  deadline.abort()
  const outcome = await late
  t.ok(outcome.kind === 'timeout' && outcome.repeatable)
  await transport.end(answer(200))
  t.equal((await first).kind, 'answer')
  t.equal(transport.count(), 1)
  const next = send()
  await setImmediate()
  await transport.end(answer(200))
  t.equal((await next).kind, 'answer', 'its place in the queue was given back')
})

test('a call that comes after its deadline does not wait, even when all places are taken', async (t) => {
  const { send, transport } = openRoute([], { maxInFlight: 1 })
  const first = send()
  await setImmediate()
  t.equal((await send(AbortSignal.abort())).kind, 'timeout')
  await transport.end(answer(200))
  await first
  t.equal(transport.count(), 1)
})

test('a call that has its place is left to the transport at the deadline', async (t) => {
  const { send, transport } = openRoute([])
  const deadline = new AbortController()
  const call = send(deadline.signal)
  await setImmediate()
  deadline.abort()
  const ended = noAnswer('timeout')
  await transport.end(ended)
  t.equal(await call, ended)
})

const repeatable = [noAnswer('unreachable', true), noAnswer('broken', true), noAnswer('timeout', true)]

for (const first of repeatable) {
  test(`a call that is ${first.kind} and surely did not run is repeated, with a second permit`, async (t) => {
    const quota = createScriptedQuota()
    const second = answer(200)
    const { send, transport } = openRoute([first, second], { quota })
    t.equal(await send(), second)
    t.equal(transport.count(), 2)
    t.equal(quota.asked(), 2)
  })
}

test('a call is repeated once at most', async (t) => {
  const quota = createScriptedQuota()
  const second = noAnswer('unreachable', true)
  const { send, transport } = openRoute([noAnswer('unreachable', true), second], { quota })
  t.equal(await send(), second)
  t.equal(transport.count(), 2)
})

test('without a quota a call is never repeated', async (t) => {
  for (const outcome of repeatable) {
    const { send, transport } = openRoute([outcome])
    t.equal(await send(), outcome)
    t.equal(transport.count(), 1)
  }
})

test('a call that may have run is not repeated', async (t) => {
  for (const outcome of [noAnswer('broken'), noAnswer('timeout'), noAnswer('cancelled'), answer(503)]) {
    const quota = createScriptedQuota()
    const { send, transport } = openRoute([outcome], { quota })
    t.equal(await send(), outcome)
    t.equal(transport.count(), 1)
    t.equal(quota.asked(), 1)
  }
})

test('a call is not repeated without a second permit', async (t) => {
  const first = noAnswer('unreachable', true)
  const { send, transport } = openRoute([first], { quota: createScriptedQuota(undefined, 5) })
  t.equal(await send(), first)
  t.equal(transport.count(), 1)
})

test('a call is not repeated after its deadline, and no permit is taken for it', async (t) => {
  const quota = createScriptedQuota()
  const { send, transport } = openRoute([], { quota })
  const deadline = new AbortController()
  const call = send(deadline.signal)
  await setImmediate()
  deadline.abort()
  await transport.end(noAnswer('timeout', true))
  t.equal((await call).kind, 'timeout')
  t.equal(transport.count(), 1)
  t.equal(quota.asked(), 1)
})

const pauses: [string, string | undefined, number][] = [
  ['5 seconds', '5', 5000],
  ['no time', undefined, 1000],
  ['a time without end', '1000000000', 60_000],
]

for (const [what, retryAfter, ms] of pauses) {
  test(`a 429 with ${what} stops the quota for ${ms} ms`, async (t) => {
    const quota = createScriptedQuota()
    const headers = retryAfter === undefined ? {} : { 'retry-after': retryAfter }
    await openRoute([answer(429, headers)], { quota }).send()
    t.strictSame(quota.paused, [ms])
  })
}

test('a 429 with a date stops the quota until then', async (t) => {
  const quota = createScriptedQuota()
  const { send } = openRoute([answer(429, { 'retry-after': 'Thu, 01 Jan 2026 00:00:12 GMT' })], { quota })
  await send()
  t.strictSame(quota.paused, [12_000])
})

test('a 429 passes where there is no quota', async (t) => {
  const only = answer(429, { 'retry-after': '5' })
  t.equal(await openRoute([only]).send(), only)
})

test('no other answer stops the quota', async (t) => {
  const quota = createScriptedQuota()
  const { send } = openRoute([answer(503, { 'retry-after': '5' })], { quota })
  await send()
  t.strictSame(quota.paused, [])
})

for (const [end, outcome] of [
  [answer(200), '2xx'],
  [answer(302), '3xx'],
  [answer(429), '4xx'],
  [answer(503), '5xx'],
  [answer(999), '5xx'],
  [noAnswer('unreachable'), 'unreachable'],
  [noAnswer('timeout'), 'timeout'],
  [noAnswer('cancelled'), 'cancelled'],
  [noAnswer('broken'), 'broken'],
] as const)
  test(`a call that ends as ${JSON.stringify(end)} is counted as ${outcome}, with its time`, async (t) => {
    const { send, transport, clock, seen } = openRoute([])
    const sending = send()
    await setImmediate()
    clock.advance(1500)
    await transport.end(end)
    await sending
    t.strictSame(seen, [{ name: 'upstream.called', call, outcome, seconds: 1.5 }])
  })

test('a repeat is a call of its own', async (t) => {
  const { send, seen } = openRoute([noAnswer('broken', true), answer(200)], { quota: createScriptedQuota() })
  await send()
  t.strictSame(
    seen.map((event) => 'outcome' in event && event.outcome),
    ['broken', '2xx'],
  )
})

test('what is not sent is counted by its reason', async (t) => {
  const spent = openRoute([], { quota: createScriptedQuota(7) })
  await spent.send()
  t.strictSame(spent.seen, [{ name: 'upstream.refused', call, reason: 'quota' }])

  const full = openRoute([], { maxInFlight: 1 })
  for (let calls = 0; calls < 66; calls++) void full.send()
  await setImmediate()
  t.strictSame(full.seen, [{ name: 'upstream.refused', call, reason: 'in_flight' }])

  const broken = openRoute(() => noAnswer('broken'))
  for (let calls = 0; calls < 6; calls++) await broken.send()
  t.strictSame(broken.seen.at(-1), { name: 'upstream.refused', call, reason: 'circuit' })
})

test('the circuit says how it stands', async (t) => {
  const { send, circuit, clock, transport } = openRoute(() =>
    transport.count() < 5 ? noAnswer('broken') : undefined,
  )
  t.equal(circuit(), 'closed')
  for (let calls = 0; calls < 5; calls++) await send()
  t.equal(circuit(), 'open')
  clock.advance(30_000)
  void send()
  await setImmediate()
  t.equal(circuit(), 'half-open')
  await transport.end(answer(200))
  t.equal(circuit(), 'closed')
})
