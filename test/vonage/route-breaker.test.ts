/** The circuit breaker of one route to Vonage: what opens it, and what it does while open. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
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

test('a caller can ask beforehand whether a call would be refused by the circuit', async () => {
  const { send, clock, route } = await openCircuit()
  const refused = route.refused()
  assert.ok(refused)
  assert.deepEqual(await send(), refused)
  clock.advance(30_000)
  assert.equal(route.refused(), undefined, 'the next call is the probe')
  assert.equal(openRoute().route.refused(), undefined)
})

test('our own refusals do not open the circuit, nor do they keep it closed', async () => {
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

test('while the circuit is open 1,000 calls are refused, 990 of them in under 10 ms, and none is sent', async () => {
  const { send, transport } = await openCircuit()
  const outcomes: [outcome: Outcome, ms: number][] = []
  for (let call = 0; call < 1000; call++) {
    const beganMs = performance.now()
    outcomes.push([await send(), performance.now() - beganMs])
  }
  assert.ok(outcomes.every(([{ kind }]) => kind === 'busy'))
  const slow = outcomes.filter(([, ms]) => ms >= 10).length
  assert.ok(slow <= 10, `${slow} of 1,000, for the collector of garbage`)
  assert.equal(transport.count(), 5)
})

test('a call that the open circuit refuses takes no permit of the quota', async () => {
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
  assert.equal(permits, 5)
})

test('Retry-After while open is the time that is left, 1 second at least', async () => {
  const { clock, isOpenFor } = await openCircuit()
  clock.advance(10_500)
  await isOpenFor(20)
  clock.advance(19_499)
  await isOpenFor(1)
})

test('calls that wait for a place when the circuit opens are refused, not sent', async () => {
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
  assert.deepEqual(kinds, [...Array(9).fill('broken'), ...Array(11).fill('busy')])
  assert.equal(transport.count(), 9)
})
