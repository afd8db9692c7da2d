/** The circuit breaker of one route to Vonage: what opens it, and what it does while open. */

import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { createRoute, type Outcome } from '../../src/vonage/route.ts'
import { assertBusy, type End, fault, never, openCircuit, openRoute } from '../support/circuit.ts'
import { createFakeClock } from '../support/clock.ts'
import { answer, createScriptedTransport, noAnswer, request } from '../support/scripted-transport.ts'
import { unobserved } from '../support/unobserved.ts'

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
  test(`4 ${what} in a row leave the circuit closed, and the fifth opens it`, async (t) => {
    const { sendAll, isClosed } = openRoute(t)
    await sendAll(4, end)
    await isClosed()
    const other = openRoute(t)
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
  test(`any number of ${what} leaves the circuit closed`, async (t) => {
    const { sendAll, isClosed } = openRoute(t)
    await sendAll(20, end)
    await isClosed()
  })
}

test('faults that are not in a row leave the circuit closed', async (t) => {
  const { sendAll, isClosed } = openRoute(t)
  for (let round = 0; round < 5; round++) {
    await sendAll(4, fault)
    await sendAll(1, answer(404))
  }
  await isClosed()
})

test('a caller can ask beforehand whether a call would be refused by the circuit', async (t) => {
  const { send, clock, route } = await openCircuit(t)
  const refused = route.refused()
  t.ok(refused)
  t.strictSame(await send(), refused)
  clock.advance(30_000)
  t.equal(route.refused(), undefined, 'the next call is the probe')
  t.equal(openRoute(t).route.refused(), undefined)
})

test('our own refusals do not open the circuit, nor do they keep it closed', async (t) => {
  const transport = createScriptedTransport(() => fault)
  let refusing = false
  const quota = { acquire: async () => (refusing ? 1 : undefined), pause: async () => {} }
  const route = createRoute({
    call: 'verify',
    ...unobserved,
    transport,
    maxInFlight: 1,
    quota,
    clock: createFakeClock(),
  })
  refusing = true
  for (let call = 0; call < 20; call++) assertBusy(t, await route.send(request, never), 1)
  refusing = false
  for (let call = 0; call < 5; call++) {
    refusing = true
    assertBusy(t, await route.send(request, never), 1)
    refusing = false
    t.equal((await route.send(request, never)).kind, 'broken')
  }
  assertBusy(t, await route.send(request, never), 30)
})

test('5 faults at the same time open the circuit', async (t) => {
  const { send, transport, leaveOpen, isOpenFor } = openRoute(t)
  leaveOpen()
  const calls = Array.from({ length: 5 }, send)
  await setImmediate()
  for (const _ of calls) await transport.end(fault)
  await isOpenFor(30)
})

test('a call under way when the circuit opens gets its own answer, and does not close it', async (t) => {
  const { send, sendAll, transport, leaveOpen, isOpenFor } = openRoute(t)
  leaveOpen()
  const underWay = send()
  await setImmediate()
  await sendAll(5, fault)
  await transport.end(answer(200))
  t.equal((await underWay).kind, 'answer')
  await isOpenFor(30)
})

test('while the circuit is open 1,000 calls are refused, 990 of them in under 10 ms, and none is sent', async (t) => {
  const { send, transport } = await openCircuit(t)
  const outcomes: [outcome: Outcome, ms: number][] = []
  for (let call = 0; call < 1000; call++) {
    const beganMs = performance.now()
    outcomes.push([await send(), performance.now() - beganMs])
  }
  t.ok(outcomes.every(([{ kind }]) => kind === 'busy'))
  const slow = outcomes.filter(([, ms]) => ms >= 10).length
  t.ok(slow <= 10, `${slow} of 1,000, for the collector of garbage`)
  t.equal(transport.count(), 5)
})

test('a call that the open circuit refuses takes no permit of the quota', async (t) => {
  let permits = 0
  const quota = { acquire: async () => void permits++, pause: async () => {} }
  const transport = createScriptedTransport(() => fault)
  const route = createRoute({
    call: 'verify',
    ...unobserved,
    transport,
    maxInFlight: 10,
    quota,
    clock: createFakeClock(),
  })
  for (let call = 0; call < 10; call++) await route.send(request, never)
  t.equal(permits, 5)
})

test('Retry-After while open is the time that is left, 1 second at least', async (t) => {
  const { clock, isOpenFor } = await openCircuit(t)
  clock.advance(10_500)
  await isOpenFor(20)
  clock.advance(19_499)
  await isOpenFor(1)
})

test('calls that wait for a place when the circuit opens are refused, not sent', async (t) => {
  const transport = createScriptedTransport()
  const route = createRoute({
    call: 'verify',
    ...unobserved,
    transport,
    maxInFlight: 5,
    clock: createFakeClock(),
  })
  const calls = Array.from({ length: 20 }, () => route.send(request, never))
  await setImmediate()
  while (transport.inFlight() > 0) await transport.end(fault)
  const kinds = (await Promise.all(calls)).map(({ kind }) => kind)
  // Each of the first four faults let one more in.
  t.strictSame(kinds, [...Array(9).fill('broken'), ...Array(11).fill('busy')])
  t.equal(transport.count(), 9)
})
