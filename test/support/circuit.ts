/** A route whose calls end as a test says at that moment, and questions about its circuit. */

import type { Test } from 'tap'
import { createRoute, type Outcome } from '../../src/vonage/route.ts'
import { createFakeClock } from './clock.ts'
import { confirm } from './must.ts'
import { answer, createScriptedTransport, noAnswer, request } from './scripted-transport.ts'
import { unobserved } from './unobserved.ts'

export const never = new AbortController().signal
export const fault = noAnswer('broken')

export type End = ReturnType<typeof answer> | ReturnType<typeof noAnswer>

/** Every call ends as `ends` says at that moment; undefined leaves it open. */
export function openRoute(t: Test) {
  const state: { ends: End | undefined } = { ends: fault }
  const transport = createScriptedTransport(() => state.ends)
  const clock = createFakeClock()
  const route = createRoute({ call: 'verify', ...unobserved, transport, maxInFlight: 10, clock })
  const send = () => route.send(request, never)
  return {
    route,
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
      assertBusy(t, outcome, seconds)
      t.equal(transport.count(), before)
    },
    /** One call reaches the transport. */
    async isClosed() {
      const before = transport.count()
      state.ends = answer(200)
      t.equal((await send()).kind, 'answer')
      t.equal(transport.count(), before + 1)
    },
  }
}

export function assertBusy(t: Test, outcome: Outcome, seconds: number): void {
  confirm(t, outcome.kind === 'busy', outcome.kind)
  t.equal(outcome.retryAfterSeconds, seconds)
}

/** Its circuit has just opened. */
export async function openCircuit(t: Test) {
  const opened = openRoute(t)
  await opened.sendAll(5, fault)
  await opened.isOpenFor(30)
  return opened
}
