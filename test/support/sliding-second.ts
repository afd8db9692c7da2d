/** Counting in every sliding second, and the loop of someone who wants every permit there is. */
import type { Permits } from '../../src/vonage/quota.ts'

/** The most that lie within any one second, both its ends included. @param timesMs in any order */
export function mostInASecond(timesMs: readonly number[]): number {
  const times = timesMs.toSorted((a, b) => a - b)
  let first = 0
  let most = 0
  for (const [last, time] of times.entries()) {
    while (time - (times[first] ?? time) > 1000) first += 1
    most = Math.max(most, last - first + 1)
  }
  return most
}

/** Takes permits as fast as they are given. @returns when each was taken */
export async function takeAll(permits: Permits, untilMs: number): Promise<number[]> {
  const takenAtMs: number[] = []
  while (performance.now() < untilMs) {
    const waitMs = await permits.take()
    if (waitMs === 0) takenAtMs.push(performance.now())
    else
      await new Promise((resolve) =>
        setTimeout(resolve, Math.max(0, Math.min(waitMs, untilMs - performance.now()))),
      )
  }
  return takenAtMs
}
