/** The circuit breaker of one route to Vonage: the probe, and how the circuit closes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { fault, openCircuit } from '../support/circuit.ts'
import { answer, noAnswer } from '../support/scripted-transport.ts'

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

test('a jump of the wall clock neither closes the circuit nor keeps it open', async (t) => {
  t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(2026, 0, 1, 12) })
  const { clock, isOpenFor, isClosed } = await openCircuit()
  t.mock.timers.setTime(Date.UTC(2026, 0, 1, 13))
  await isOpenFor(30)
  t.mock.timers.setTime(Date.UTC(2026, 0, 1, 11))
  clock.advance(30_000)
  await isClosed()
})
