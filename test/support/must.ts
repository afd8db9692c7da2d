/** What a test needs before it can begin. It throws instead of asserting: without it there is nothing to go on with. */
import type { Test } from 'tap'

export function must(condition: unknown, otherwise = 'a test cannot be set up'): asserts condition {
  if (!condition) fail(otherwise)
}

/** For what is not there, or should not have been called. */
export function fail(what = 'a test cannot be set up'): never {
  throw new Error(what)
}

/** An assertion that ends the test when it does not hold: what comes after it needs what it says. */
export function confirm(t: Test, condition: unknown, message = 'what follows needs this'): asserts condition {
  t.ok(condition, message)
  must(condition, message)
}
