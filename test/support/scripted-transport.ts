/** A transport in memory: the n-th call ends as the script says, or when the test says so. */
import { setImmediate } from 'node:timers/promises'
import type { Answer, NoAnswer, Request, Transport } from '../../src/vonage/transport.ts'

type End = Answer | NoAnswer

export const request: Request = { method: 'POST', path: '/call', headers: {}, body: '{}' }

export const answer = (status: number, headers: Answer['headers'] = {}): Answer => ({
  kind: 'answer',
  status,
  headers,
  text: '{}',
})

export const noAnswer = (kind: NoAnswer['kind'], repeatable = false): NoAnswer => ({
  kind,
  repeatable,
  cause: new Error(kind),
})

export interface ScriptedTransport extends Transport {
  /** Calls sent so far. */
  count(): number
  /** Calls sent and not ended. */
  inFlight(): number
  /** Ends the oldest call that the script left open, and waits until everyone has seen it. */
  end(with_: End): Promise<void>
}

/** @param script undefined, and a call beyond the end of a list, stay open until `end` */
export function createScriptedTransport(
  script: readonly End[] | (() => End | undefined) = [],
): ScriptedTransport {
  let calls = 0
  const open: Array<(end: End) => void> = []
  return {
    count: () => calls,
    inFlight: () => open.length,
    async send() {
      const end = typeof script === 'function' ? script() : script[calls]
      calls++
      return end ?? new Promise((resolve) => open.push(resolve))
    },
    async end(with_) {
      const resolve = open.shift()
      if (!resolve) throw new Error('no call is open')
      resolve(with_)
      await setImmediate()
    },
    async close() {},
  }
}
