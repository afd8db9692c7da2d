/** How much of the heap is in use, measured after a garbage collection. */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** @returns a function that says how many bytes are in use */
export function createHeapGauge(): () => Promise<number> {
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')
  return async () => {
    // More than once, since what a collection frees may have held something else.
    for (let round = 0; round < 3; round++) {
      await setImmediate()
      collectGarbage()
    }
    return process.memoryUsage().heapUsed
  }
}
