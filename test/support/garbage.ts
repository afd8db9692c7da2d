/** Tells whether memory was given back, by running the real garbage collector. */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** A value that was read from its WeakRef stays until the turn of the event loop is over, so this waits for the next one. */
export async function isCollected(value: WeakRef<object>): Promise<boolean> {
  await setImmediate()
  collectGarbage()
  return value.deref() === undefined
}
