/** A fetch that only the test finishes: each call stays open until it is resolved or rejected by hand. */
import { setImmediate } from 'node:timers/promises'

export interface ManualFetch<T> {
  fetch(): Promise<T>
  /** Calls begun so far. */
  count(): number
  /** Finishes the latest call: after what is under way has come to rest, and until everyone has seen it. */
  resolve(value: T): Promise<void>
  reject(cause: unknown): Promise<void>
}

export function createManualFetch<T>(): ManualFetch<T> {
  const calls: Array<PromiseWithResolvers<T>> = []
  return {
    fetch() {
      const call = Promise.withResolvers<T>()
      calls.push(call)
      return call.promise
    },
    count: () => calls.length,
    async resolve(value) {
      await setImmediate()
      calls.at(-1)?.resolve(value)
      await setImmediate()
    },
    async reject(cause) {
      await setImmediate()
      calls.at(-1)?.reject(cause)
      await setImmediate()
    },
  }
}
