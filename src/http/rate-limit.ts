/**
 * Four limits, each at the point of a request where its key is known: by address before the token, by caller after it, then by
 * phone number, and by how many different numbers a caller asks about, which keeps the service from being an oracle for numbers.
 */
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { EventSink } from '../core/events.ts'
import { ServiceFailure } from '../core/failures.ts'
import { isPhoneNumber } from '../core/phone-number.ts'
import { type Soon, whenThere } from '../core/soon.ts'
import { addressGroup } from './address-group.ts'
import { eagerHook } from './eager-hook.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** The contract's bound for Retry-After; `RateLimit` has the true time. */
const maxRetryAfterSeconds = 60

interface Hit {
  hits: number
  resetMs: number
}

interface Admission {
  admitted: boolean
  resetMs: number
}

/** Never rejects. Windows are in milliseconds. */
export interface Counters {
  hit(key: string, windowMs: number): Soon<Hit>
  admit(key: string, member: string, max: number, windowMs: number): Soon<Admission>
}

export interface RateLimitOptions {
  counters: Counters
  /** Keyed: neither an address nor a number is counted under its own name; a caller is by its pseudonym. */
  digest: (text: string) => string
  /** 0 switches a limit off. */
  addressPerMinute: number
  callerPerMinute: number
  numberPerHour: number
  distinctNumbersPerDay: number
  events: EventSink
}

export interface RateLimits {
  /** For every route of the scope, before the token is looked at. */
  byAddress(scope: FastifyInstance): void
  /** For every route of the guarded scope. */
  byCaller(scope: FastifyInstance): void
  /** For a route that takes `phone_number`, after its schema. */
  byNumber(scope: FastifyInstance): void
}

interface Limit {
  name: 'address' | 'caller' | 'number' | 'distinct-numbers'
  quota: number
  windowMs: number
  /** For `RateLimit-Policy`. */
  policy: string
}

function limitBy(name: Limit['name'], quota: number, windowMs: number): Limit {
  return { name, quota, windowMs, policy: `"${name}";q=${quota};w=${windowMs / 1000}` }
}

/** Refuses with `rate_limited`. @see draft-ietf-httpapi-ratelimit-headers for `RateLimit-Policy` and `RateLimit` */
export function createRateLimits(options: RateLimitOptions): RateLimits {
  const { counters, digest, events } = options
  const address = limitBy('address', options.addressPerMinute, minuteMs)
  const caller = limitBy('caller', options.callerPerMinute, minuteMs)
  const number = limitBy('number', options.numberPerHour, hourMs)
  const distinct = limitBy('distinct-numbers', options.distinctNumbersPerDay, dayMs)

  function refuse(reply: FastifyReply, limit: Limit, left: Left): never {
    events({ name: 'rate_limit.refused', limit: limit.name })
    tell(reply, limit, left)
    const retryAfterSeconds = Math.min(maxRetryAfterSeconds, toSeconds(left.resetMs))
    throw new ServiceFailure('rate_limited', { note: limit.name, retryAfterSeconds })
  }

  /** @returns what is left */
  function count(reply: FastifyReply, limit: Limit, key: string): Soon<Left> {
    return whenThere(counters.hit(`${limit.name}:${key}`, limit.windowMs), ({ hits, resetMs }) => {
      const left = { remaining: limit.quota - hits, resetMs }
      if (left.remaining < 0) refuse(reply, limit, left)
      return left
    })
  }

  /** How often others asked about this number is not told. */
  function countNumber(reply: FastifyReply, hidden: string): Soon<unknown> {
    return number.quota === 0 ? undefined : count(reply, number, hidden)
  }

  return {
    byAddress(scope) {
      if (address.quota === 0) return
      scope.addHook(
        'onRequest',
        eagerHook(({ ip }, reply) => count(reply, address, digest(addressGroup(ip)))),
      )
    },

    byCaller(scope) {
      if (caller.quota === 0) return
      scope.addHook(
        'onRequest',
        eagerHook((request, reply) =>
          whenThere(count(reply, caller, request.caller.pseudonym), (left) => tell(reply, caller, left)),
        ),
      )
    },

    byNumber(scope) {
      const { name, quota, windowMs } = distinct
      scope.addHook(
        'preHandler',
        eagerHook((request, reply) => {
          const { phone_number: phoneNumber } = request.body as { phone_number: string }
          if (!isPhoneNumber(phoneNumber)) return
          const hidden = digest(phoneNumber)
          if (quota === 0) return countNumber(reply, hidden)
          const admission = counters.admit(`${name}:${request.caller.pseudonym}`, hidden, quota, windowMs)
          return whenThere(admission, ({ admitted, resetMs }) => {
            if (!admitted) refuse(reply, distinct, { remaining: 0, resetMs })
            return countNumber(reply, hidden)
          })
        }),
      )
    },
  }
}

interface Left {
  remaining: number
  resetMs: number
}

function tell(reply: FastifyReply, { name, policy }: Limit, { remaining, resetMs }: Left): void {
  reply.headers({
    'ratelimit-policy': policy,
    ratelimit: `"${name}";r=${Math.max(0, remaining)};t=${toSeconds(resetMs)}`,
  })
}

function toSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
