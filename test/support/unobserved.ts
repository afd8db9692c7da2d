/** What most tests do not look at: limits, events, devices that are still out, the name of a request, and of a caller. */
import type { EventSink, ServiceEvent } from '../../src/core/events.ts'
import { createKeyedDigest } from '../../src/core/keyed-digest.ts'
import type { Caller, Landings } from '../../src/core/ports.ts'
import type { Correlation } from '../../src/core/trace-context.ts'
import type { RateLimitOptions } from '../../src/http/rate-limit.ts'
import { createMemoryCounters } from '../../src/store/memory-counters.ts'
import { createFakeClock } from './clock.ts'

export const correlation: Correlation = { requestId: 'a-request' }

/** Its pseudonym does not hold the subject, so that a test can look for that. */
export const callerOf = (subject: string): Caller => ({
  subject,
  sub: subject,
  pseudonym: `pseudonym-${[...subject].reverse().join('')}`,
})

const noLandings: Landings = { expect: () => {}, land: () => {}, countExpired: async () => {} }

/** All off. */
export const noLimits: RateLimitOptions = {
  counters: createMemoryCounters({ clock: createFakeClock() }),
  digest: createKeyedDigest('a secret'),
  addressPerMinute: 0,
  callerPerMinute: 0,
  numberPerHour: 0,
  distinctNumbersPerDay: 0,
  smsPerNumberPerHour: 0,
  events: () => {},
}

export const unobserved = { events: () => {}, landings: noLandings }

/** For the tests that do look at events. */
export function recordEvents(): { events: EventSink; seen: ServiceEvent[] } {
  const seen: ServiceEvent[] = []
  return { events: (event) => void seen.push(event), seen }
}

/** Of a listener, by default. */
export const listenerLimits = { requestTimeoutMs: 10_000, maxHeadBytes: 8192, keepAliveTimeoutMs: 65_000 }
