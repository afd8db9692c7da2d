/**
 * What is wrong with the identity provider, in words that may be logged: our own fixed texts, and the system's codes. A foreign error's
 * message may quote what came.
 */

import { ServiceFailure } from '../core/failures.ts'

/** Something that we found out ourselves. Its message is a fixed text, which may be logged. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError'
  /** Of an answer that was refused for it. */
  readonly status: number | undefined
  constructor(message: string, status?: number) {
    super(message)
    this.status = status
  }
}

/** @returns such as `status 404`, `ECONNREFUSED`, `timeout`: from a closed set of our and the system's words */
export function describeTrouble(error: unknown): string {
  if (!(error instanceof Error)) return 'no usable answer'
  if (error instanceof ProviderError) return error.message
  if (error.name === 'TimeoutError') return 'timeout'
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : describeTrouble(error.cause)
}

/** @returns idp_unavailable @param leftMs until it is worth asking again */
export function notYet(note: string, leftMs: number, cause?: unknown): ServiceFailure {
  const retryAfterSeconds = Math.max(1, Math.ceil(leftMs / 1000))
  return new ServiceFailure('idp_unavailable', { note, retryAfterSeconds, cause })
}
