/** The network side in memory: answers what the test says and remembers what it was asked. */
import type { AuthUrl, AuthUrlRequest, NetworkOperator } from '../../src/core/ports.ts'

export interface ScriptedOperator extends NetworkOperator {
  /** Every request so far, with the signal that came with it. */
  readonly asked: readonly { request: AuthUrlRequest; signal: AbortSignal | undefined }[]
}

/** @param answer what each call answers; throwing is failing */
export function createScriptedOperator(
  answer: (request: AuthUrlRequest, signal?: AbortSignal) => AuthUrl | Promise<AuthUrl>,
): ScriptedOperator {
  const asked: { request: AuthUrlRequest; signal: AbortSignal | undefined }[] = []
  return {
    asked,
    async requestAuthUrl(request, signal) {
      asked.push({ request, signal })
      return answer(request, signal)
    },
  }
}
