/**
 * The Network Enablement quota of a Vonage account: so many requests in every sliding second.
 * Holds at most one timestamp per request of the quota. Time is passed in.
 */

const windowMs = 1000

/** Says whether one more request fits now, and counts it if it does. A refused request is not counted. */
export type Quota = () => boolean

/** @param requestsPerSecond 0 means no limit. */
export function createQuota(requestsPerSecond: number, now: () => number): Quota {
  if (requestsPerSecond === 0) return () => true
  const admittedAtMs: number[] = []
  return () => {
    const nowMs = now()
    while (admittedAtMs[0] !== undefined && admittedAtMs[0] <= nowMs - windowMs) admittedAtMs.shift()
    if (admittedAtMs.length >= requestsPerSecond) return false
    admittedAtMs.push(nowMs)
    return true
  }
}
