/** `setInterval` of this process by a test's own time. */
import type { Test } from 'tap'

const running = new Map<object, { run: () => void; everyMs: number; dueMs: number }>()
let nowMs = 0

/** Until the test ends. */
export function fakeIntervals(t: Test): void {
  const { setInterval, clearInterval } = globalThis
  Object.assign(globalThis, {
    setInterval<Args extends unknown[]>(work: (...args: Args) => void, everyMs: number, ...args: Args) {
      const run = () => work(...args)
      const timer = { ref: () => timer, unref: () => timer }
      running.set(timer, { run, everyMs, dueMs: nowMs + everyMs })
      return timer
    },
    clearInterval: (timer: object) => void running.delete(timer),
  })
  t.teardown(() => {
    Object.assign(globalThis, { setInterval, clearInterval })
    running.clear()
  })
}

/** Lets so much time pass, and what is due by then run. */
export function passIntervals(ms: number): void {
  nowMs += ms
  for (const timer of running.values()) for (; timer.dueMs <= nowMs; timer.dueMs += timer.everyMs) timer.run()
}
