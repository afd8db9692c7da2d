/** Assertions on failures: by code, never by message. */

import type { Test } from 'tap'
import { type FailureCode, ServiceFailure } from '../../src/core/failures.ts'
import { confirm } from './must.ts'

/** @returns the failure, for further assertions on its cause or its Retry-After */
export async function rejectsWith(t: Test, answer: unknown, code: FailureCode): Promise<ServiceFailure> {
  const outcome = await Promise.resolve(answer).then(
    () => undefined,
    (error: unknown) => error,
  )
  confirm(t, outcome instanceof ServiceFailure, `expected the failure ${code}`)
  t.equal(outcome.code, code)
  return outcome
}
