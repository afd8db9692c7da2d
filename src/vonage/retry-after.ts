/** The `Retry-After` header. Pure. @see RFC 9110 section 10.2.3 */

const maxSeconds = 60

/**
 * Seconds or an HTTP date; anything else, or nothing, counts as 1.
 * @param nowMs epoch milliseconds, to read a date against
 * @returns whole seconds, 1 to 60
 */
export function parseRetryAfter(text: string | undefined, nowMs: number): number {
  const seconds = /^\d+$/.test(text ?? '') ? Number(text) : (Date.parse(text ?? '') - nowMs) / 1000
  return Number.isNaN(seconds) ? 1 : clampRetryAfter(seconds)
}

/** @returns whole seconds, 1 to 60 */
export function clampRetryAfter(seconds: number): number {
  return Math.min(maxSeconds, Math.max(1, Math.ceil(seconds)))
}
