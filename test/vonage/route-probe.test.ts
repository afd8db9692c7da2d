/** The circuit breaker of one route to Vonage: the probe, and how the circuit closes. */

import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { fault, openCircuit } from '../support/circuit.ts'
import { answer, noAnswer } from '../support/scripted-transport.ts'

test('after 30 seconds exactly one call is let through, and its success closes the circuit', async (t) => {
  const { send, clock, transport, leaveOpen, isOpenFor, isClosed } = await openCircuit(t)
  clock.advance(30_000)
  leaveOpen()
  const racers = Array.from({ length: 20 }, send)
  await setImmediate()
  t.equal(transport.inFlight(), 1)
  await isOpenFor(1)
  await transport.end(answer(200))
  const kinds = (await Promise.all(racers)).map(({ kind }) => kind)
  t.strictSame(kinds, ['answer', ...Array(19).fill('busy')])
  await isClosed()
  await isClosed()
})

test('a 429 to the probe closes the circuit: Vonage is there', async (t) => {
  const { clock, sendAll, isClosed } = await openCircuit(t)
  clock.advance(30_000)
  await sendAll(1, answer(429))
  await isClosed()
})

test('the time doubles with each probe that fails, up to 300 seconds', async (t) => {
  const { clock, transport, sendAll, isOpenFor } = await openCircuit(t)
  clock.advance(30_000)
  for (const seconds of [60, 120, 240, 300, 300]) {
    await sendAll(1, fault)
    await isOpenFor(Math.min(60, seconds))
    clock.advance(seconds * 1000 - 1)
    await isOpenFor(1)
    clock.advance(1)
  }
  t.equal(transport.count(), 5 + 5)
})

test('after a success the next opening is for 30 seconds again', async (t) => {
  const { clock, sendAll, isClosed, isOpenFor } = await openCircuit(t)
  clock.advance(30_000)
  await sendAll(1, fault)
  clock.advance(60_000)
  await isClosed()
  await sendAll(5, fault)
  await isOpenFor(30)
  clock.advance(30_000)
  await isClosed()
})

test('a probe whose caller left does not close the circuit, and the next call is a probe', async (t) => {
  const { send, sendAll, clock, transport, leaveOpen, isOpenFor, isClosed } = await openCircuit(t)
  clock.advance(30_000)
  await sendAll(1, noAnswer('cancelled'))
  leaveOpen()
  const probe = send()
  await setImmediate()
  await isOpenFor(1)
  await transport.end(answer(200))
  t.equal((await probe).kind, 'answer')
  await isClosed()
})

test('a jump of the wall clock neither closes the circuit nor keeps it open', async (t) => {
  let wallMs = Date.UTC(2026, 0, 1, 12)
  t.intercept(Date, 'now', { value: () => wallMs })
  const { clock, isOpenFor, isClosed } = await openCircuit(t)
  wallMs = Date.UTC(2026, 0, 1, 13)
  await isOpenFor(30)
  wallMs = Date.UTC(2026, 0, 1, 11)
  clock.advance(30_000)
  await isClosed()
})
