/** The circuit breaker of one route to Vonage: what opens it, what it does while open, and how it closes. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { createRoute, type Outcome } from '../../src/vonage/route.ts'
import { createFakeClock } from '../support/clock.ts'
import { answer, createScriptedTransport, noAnswer, request } from '../support/scripted-transport.ts'

const never = new AbortController().signal
const fault = noAnswer('broken')

type End = ReturnType<typeof answer> | ReturnType<typeof noAnswer>

/** Every call ends as `ends` says at that moment; undefined leaves it open. */
function openRoute() {
  const state: { ends: End | undefined } = { ends: fault }
  const transport = createScriptedTransport(() => state.ends)
  const clock = createFakeClock()
  const route = createRoute({ transport, maxInFlight: 10, clock })
  const send = () => route.send(request, never)
  return {
    transport,
    clock,
    send,
    /** Sends so many calls, one after the other, that end like this. */
    async sendAll(times: number, ends: End) {
      state.ends = ends
      for (let call = 0; call < times; call++) await send()
    },
    leaveOpen() {
      state.ends = undefined
    },
    /** Is refused with this time and nothing reaches the transport. */
    async isOpenFor(seconds: number) {
      const before = transport.count()
      const outcome = await send()
      assertBusy(outcome, seconds)
      assert.equal(transport.count(), before)
    },
    /** One call reaches the transport. */
    async isClosed() {
      const before = transport.count()
      state.ends = answer(200)
      assert.equal((await send()).kind, 'answer')
      assert.equal(transport.count(), before + 1)
    },
  }
}

function assertBusy(outcome: Outcome, seconds: number): void {
  assert.ok(outcome.kind === 'busy', outcome.kind)
  assert.equal(outcome.retryAfterSeconds, seconds)
}

async function openCircuit() {
  const opened = openRoute()
  await opened.sendAll(5, fault)
  await opened.isOpenFor(30)
  return opened
}

const faults: End[] = [
  noAnswer('unreachable', true),
  noAnswer('timeout'),
  noAnswer('broken'),
  answer(500),
  answer(502),
  answer(503, { 'retry-after': '5' }),
  answer(599),
]

for (const end of faults) {
  const what = end.kind === 'answer' ? `answers ${end.status}` : `calls that are ${end.kind}`
  test(`4 ${what} in a row leave the circuit closed, and the fifth opens it`, async () => {
    const { sendAll, isClosed } = openRoute()
    await sendAll(4, end)
    await isClosed()
    const other = openRoute()
    await other.sendAll(5, end)
    await other.isOpenFor(30)
  })
}

const noFaults: End[] = [
  ...[200, 204, 301, 400, 401, 402, 403, 404, 422, 429, 499].map((status) => answer(status)),
  noAnswer('cancelled'),
]

for (const end of noFaults) {
  const what = end.kind === 'answer' ? `answers ${end.status}` : `calls that are ${end.kind}`
  test(`any number of ${what} leaves the circuit closed`, async () => {
    const { sendAll, isClosed } = openRoute()
    await sendAll(20, end)
    await isClosed()
  })
}

test('faults that are not in a row leave the circuit closed', async () => {
  const { sendAll, isClosed } = openRoute()
  for (let round = 0; round < 5; round++) {
    await sendAll(4, fault)
    await sendAll(1, answer(404))
  }
  await isClosed()
})

test('our own refusals do not open the circuit, nor do they keep it closed', async () => {
  const transport = createScriptedTransport(() => fault)
  let refusing = false
  const quota = { acquire: async () => (refusing ? 1 : undefined), pause: async () => {} }
  const route = createRoute({ transport, maxInFlight: 1, quota, clock: createFakeClock() })
  refusing = true
  for (let call = 0; call < 20; call++) assertBusy(await route.send(request, never), 1)
  refusing = false
  for (let call = 0; call < 5; call++) {
    refusing = true
    assertBusy(await route.send(request, never), 1)
    refusing = false
    assert.equal((await route.send(request, never)).kind, 'broken')
  }
  assertBusy(await route.send(request, never), 30)
})

test('5 faults at the same time open the circuit', async () => {
  const { send, transport, leaveOpen, isOpenFor } = openRoute()
  leaveOpen()
  const calls = Array.from({ length: 5 }, send)
  await setImmediate()
  for (const _ of calls) await transport.end(fault)
  await isOpenFor(30)
})

test('a call under way when the circuit opens gets its own answer, and does not close it', async () => {
  const { send, sendAll, transport, leaveOpen, isOpenFor } = openRoute()
  leaveOpen()
  const underWay = send()
  await setImmediate()
  await sendAll(5, fault)
  await transport.end(answer(200))
  assert.equal((await underWay).kind, 'answer')
  await isOpenFor(30)
})

test('while the circuit is open 1,000 calls are refused in under 10 ms each, and none is sent', async () => {
  const { send, transport } = await openCircuit()
  for (let call = 0; call < 1000; call++) {
    const beganMs = performance.now()
    assertBusy(await send(), 30)
    assert.ok(performance.now() - beganMs < 10)
  }
  assert.equal(transport.count(), 5)
})

test('a call that the open circuit refuses takes no permit of the quota', async () => {
  let permits = 0
  const quota = { acquire: async () => void permits++, pause: async () => {} }
  const transport = createScriptedTransport(() => fault)
  const route = createRoute({ transport, maxInFlight: 10, quota, clock: createFakeClock() })
  for (let call = 0; call < 10; call++) await route.send(request, never)
  assert.equal(permits, 5)
})

test('Retry-After while open is the time that is left, 1 second at least', async () => {
  const { clock, isOpenFor } = await openCircuit()
  clock.advance(10_500)
  await isOpenFor(20)
  clock.advance(19_499)
  await isOpenFor(1)
})

test('after 30 seconds exactly one call is let through, and its success closes the circuit', async () => {
  const { send, clock, transport, leaveOpen, isOpenFor, isClosed } = await openCircuit()
  clock.advance(30_000)
  leaveOpen()
  const racers = Array.from({ length: 20 }, send)
  await setImmediate()
  assert.equal(transport.inFlight(), 1)
  await isOpenFor(1)
  await transport.end(answer(200))
  const kinds = (await Promise.all(racers)).map(({ kind }) => kind)
  assert.deepEqual(kinds, ['answer', ...Array(19).fill('busy')])
  await isClosed()
  await isClosed()
})

test('calls that wait for a place when the circuit opens are refused, not sent', async () => {
  const transport = createScriptedTransport()
  const route = createRoute({ transport, maxInFlight: 5, clock: createFakeClock() })
  const calls = Array.from({ length: 20 }, () => route.send(request, never))
  await setImmediate()
  while (transport.inFlight() > 0) await transport.end(fault)
  const kinds = (await Promise.all(calls)).map(({ kind }) => kind)
  // Each of the first four faults let one more in.
  assert.deepEqual(kinds, [...Array(9).fill('broken'), ...Array(11).fill('busy')])
  assert.equal(transport.count(), 9)
})

test('a 429 to the probe closes the circuit: Vonage is there', async () => {
  const { clock, sendAll, isClosed } = await openCircuit()
  clock.advance(30_000)
  await sendAll(1, answer(429))
  await isClosed()
})

test('the time doubles with each probe that fails, up to 300 seconds', async () => {
  const { clock, transport, sendAll, isOpenFor } = await openCircuit()
  clock.advance(30_000)
  for (const seconds of [60, 120, 240, 300, 300]) {
    await sendAll(1, fault)
    await isOpenFor(Math.min(60, seconds))
    clock.advance(seconds * 1000 - 1)
    await isOpenFor(1)
    clock.advance(1)
  }
  assert.equal(transport.count(), 5 + 5)
})

test('after a success the next opening is for 30 seconds again', async () => {
  const { clock, sendAll, isClosed, isOpenFor } = await openCircuit()
  clock.advance(30_000)
  await sendAll(1, fault)
  clock.advance(60_000)
  await isClosed()
  await sendAll(5, fault)
  await isOpenFor(30)
  clock.advance(30_000)
  await isClosed()
})

test('a probe whose caller left does not close the circuit, and the next call is a probe', async () => {
  const { send, sendAll, clock, transport, leaveOpen, isOpenFor, isClosed } = await openCircuit()
  clock.advance(30_000)
  await sendAll(1, noAnswer('cancelled'))
  leaveOpen()
  const probe = send()
  await setImmediate()
  await isOpenFor(1)
  await transport.end(answer(200))
  assert.equal((await probe).kind, 'answer')
  await isClosed()
})

test('a jump of the wall clock neither closes the circuit nor keeps it open', async (t: TestContext) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 1, 12) })
  const { clock, isOpenFor, isClosed } = await openCircuit()
  t.mock.timers.setTime(Date.UTC(2026, 0, 1, 13))
  await isOpenFor(30)
  t.mock.timers.setTime(Date.UTC(2026, 0, 1, 11))
  clock.advance(30_000)
  await isClosed()
})
