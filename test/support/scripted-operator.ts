/** The network side in memory: answers what the test says and remembers what it was asked. */

import type { PhoneNumber } from '../../src/core/phone-number.ts'
import type { AuthUrl, AuthUrlRequest, NetworkOperator, PendingVerification } from '../../src/core/ports.ts'
import type { Correlation } from '../../src/core/trace-context.ts'
import { fail } from './must.ts'

/** What each call answers; throwing is failing. A call without a script fails the test. */
export interface OperatorScript {
  authUrl?: (request: AuthUrlRequest, signal?: AbortSignal) => AuthUrl | Promise<AuthUrl>
  verified?: (code: string, phoneNumber: PhoneNumber) => boolean | Promise<boolean>
}

export interface ScriptedOperator extends NetworkOperator {
  /** Every request for an auth URL so far, with the signal that came with it. */
  readonly asked: readonly { request: AuthUrlRequest; signal: AbortSignal | undefined }[]
  /** What each call said it works for. */
  readonly correlations: readonly Correlation[]
  /** Every question about a number so far, with the number in full. */
  readonly verifications: readonly { code: string; phoneNumber: string }[]
  /** The verifications that it was asked to check a code for. */
  readonly pending: readonly PendingVerification[]
}

export function createScriptedOperator(script: OperatorScript): ScriptedOperator {
  const asked: { request: AuthUrlRequest; signal: AbortSignal | undefined }[] = []
  const correlations: Correlation[] = []
  const pending: PendingVerification[] = []
  const verifications: { code: string; phoneNumber: string }[] = []
  return {
    asked,
    verifications,
    pending,
    correlations,
    async requestAuthUrl(request, keep, correlation, { signal }) {
      void keep({ reference: request.state })
      correlations.push(correlation)
      asked.push({ request, signal })
      return script.authUrl?.(request, signal) ?? fail('no auth URL was expected to be asked for')
    },
    async checkCode({ code, pending: asked }, correlation) {
      const { phoneNumber } = asked
      pending.push(asked)
      correlations.push(correlation)
      verifications.push({ code, phoneNumber: phoneNumber.reveal() })
      return script.verified?.(code, phoneNumber) ?? fail('no number was expected to be verified')
    },
  }
}
