/**
 * Work that nobody waits for, done together at the end of the event loop's turn: after the answers are out, and cheaper there than
 * between other things.
 */
export interface Batch<T> {
  add(item: T): void
  /** Does now what has gathered. */
  flush(): void
}

/** @param handle must not throw. Called in the order of `add`, for each once. */
export function createBatch<T>(handle: (item: T) => void): Batch<T> {
  let gathered: T[] = []

  function flush(): void {
    const items = gathered
    gathered = []
    for (const item of items) handle(item)
  }

  return {
    add(item) {
      if (gathered.push(item) === 1) setImmediate(flush)
    },
    flush,
  }
}
