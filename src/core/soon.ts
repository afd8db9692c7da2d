/**
 * Values that are often there already. Waiting for a promise costs a request a turn of the queue even when nothing is awaited, so
 * what needs no I/O is handed over as it is.
 */
export type Soon<T> = T | Promise<T>

/** What `use` makes of the value: now if it is there, else when it has come. */
export function whenThere<T, R>(value: Soon<T>, use: (value: T) => Soon<R>): Soon<R> {
  return value instanceof Promise ? value.then(use) : use(value)
}
