/** The public listener with rate limits over counters of a fake clock; any subject's token is the subject behind `token-of-`. */
import type { Test } from 'tap'
import type { ServiceEvent } from '../../src/core/events.ts'
import { ServiceFailure } from '../../src/core/failures.ts'
import type { RateLimitOptions } from '../../src/http/rate-limit.ts'
import type { ServerOptions } from '../../src/http/server.ts'
import { createMemoryCounters } from '../../src/store/memory-counters.ts'
import { createFakeClock, type FakeClock } from './clock.ts'
import { type Owner, openPublicServer, type PublicServer, startPath } from './public-server.ts'
import { callWhenCalm, type RawAnswer, type RawRequest } from './raw-http.ts'
import { callerOf, noLimits, recordEvents } from './unobserved.ts'

export interface LimitedServer extends PublicServer {
  clock: FakeClock
  /** The events of the limits. */
  seen: ServiceEvent[]
  send(request: RawRequest): Promise<RawAnswer>
  /** A start by this subject, with further headers. */
  start(subject: string, phoneNumber: string, headers?: Record<string, string>): Promise<RawAnswer>
}

export type Quotas = Partial<Omit<RateLimitOptions, 'counters' | 'digest' | 'events'>>

/** Limits not given are off. */
export async function openLimitedServer(
  t: Owner,
  quotas: Quotas,
  trustedProxies: readonly string[] = [],
  verification?: ServerOptions['verification'],
): Promise<LimitedServer> {
  const clock = createFakeClock()
  const { events, seen } = recordEvents()
  const server = await openPublicServer(t, {
    trustedProxies,
    ...(verification && { verification }),
    rateLimits: { ...noLimits, counters: createMemoryCounters({ clock }), events, ...quotas },
    accessTokens: {
      async verify(token) {
        const subject = /^token-of-(.+)$/.exec(token)?.[1]
        if (subject === undefined) throw new ServiceFailure('invalid_token')
        return callerOf(subject)
      },
    },
  })

  const send = (request: RawRequest) => callWhenCalm(server.url, request)

  return {
    ...server,
    clock,
    seen,
    send,
    start: (subject, phoneNumber, headers = {}) =>
      send({
        method: 'POST',
        target: startPath,
        headers: {
          authorization: `Bearer token-of-${subject}`,
          'content-type': 'application/json',
          ...headers,
        },
        body: JSON.stringify({ phone_number: phoneNumber }),
      }),
  }
}

export const numberOf = (n: number) => `+990${String(n).padStart(8, '0')}`

/** The two fields of draft-ietf-httpapi-ratelimit-headers, as they stand in an answer. */
export function rateLimitFields(
  t: Test,
  { headers }: RawAnswer,
): [policy: string | null, left: string | null] {
  for (const name of ['x-ratelimit-limit', 'ratelimit-limit', 'ratelimit-remaining', 'ratelimit-reset'])
    t.equal(headers.get(name), null, 'the superseded form')
  return [headers.get('ratelimit-policy'), headers.get('ratelimit')]
}
