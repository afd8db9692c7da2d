/** Assertions on failures: by code, never by message. */
import assert from 'node:assert/strict'
import { type FailureCode, ServiceFailure } from '../../src/core/failures.ts'

/** @returns the failure, for further assertions on its cause or its Retry-After */
export async function rejectsWith(answer: unknown, code: FailureCode): Promise<ServiceFailure> {
  const outcome = await Promise.resolve(answer).then(
    () => undefined,
    (error: unknown) => error,
  )
  assert.ok(outcome instanceof ServiceFailure, `expected the failure ${code}`)
  assert.equal(outcome.code, code)
  return outcome
}
