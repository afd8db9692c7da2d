/** The `Retry-After` header. Pure. @see RFC 9110 section 10.2.3 */

const maxSeconds = 60
/** The one date form that may be sent; `Date.parse` alone reads a date into almost anything. @see RFC 9110 section 5.6.7 */
const httpDate = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/

/**
 * Seconds or an HTTP date; anything else, or nothing, counts as 1.
 * @param nowMs epoch milliseconds, to read a date against
 * @returns whole seconds, 1 to 60
 */
export function parseRetryAfter(text: string | undefined, nowMs: number): number {
  if (text === undefined) return 1
  if (/^\d+$/.test(text)) return clampRetryAfter(Number(text))
  return httpDate.test(text) ? clampRetryAfter((Date.parse(text) - nowMs) / 1000) : 1
}

/** What is no number counts as 1. @returns whole seconds, 1 to 60 */
export function clampRetryAfter(seconds: number): number {
  return Math.min(maxSeconds, Math.max(1, Math.ceil(seconds) || 1))
}
