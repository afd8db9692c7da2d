/**
 * The limits, each at the point of a request where its key is known: by address before the token, by caller after it, then by how
 * many different numbers a caller asks about, which keeps the service from being an oracle for numbers, and by phone number.
 * @fastify/rate-limit applies them; what they count is in our counters.
 */
import fastifyRateLimit, {
  type CreateRateLimitOptions,
  type FastifyRateLimitStore,
  normalizeIP,
} from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { EventSink } from '../core/events.ts'
import { ServiceFailure } from '../core/failures.ts'
import { isPhoneNumber } from '../core/phone-number.ts'
import { type Soon, whenThere } from '../core/soon.ts'
import { eagerHook } from './eager-hook.ts'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** The contract's bound for Retry-After; `RateLimit` has the true time. */
const maxRetryAfterSeconds = 60

type LimitName = 'address' | 'caller' | 'number' | 'distinct-numbers' | 'sms'
type TellCount = Parameters<FastifyRateLimitStore['incr']>[1]
type Hook = (request: FastifyRequest, reply: FastifyReply) => Soon<void>
type WithNumber = { phone_number: string }

/** Never rejects. Windows are in milliseconds. */
export interface Counters {
  hit(key: string, windowMs: number): Soon<{ hits: number; resetMs: number }>
  admit(
    key: string,
    member: string,
    max: number,
    windowMs: number,
  ): Soon<{ admitted: boolean; resetMs: number }>
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
  smsPerNumberPerHour: number
  events: EventSink
}

export interface RateLimits {
  /** For every route of the scope, before the token is looked at. */
  byAddress(scope: FastifyInstance): void
  /** For every route of the guarded scope. */
  byCaller(scope: FastifyInstance): void
  /** For a route that takes `phone_number`, after its schema. */
  byNumber(scope: FastifyInstance): void
  /** Before a message to the `phone_number` of a request leaves. */
  bySms: Hook
  /** Counts like `bySms`, and says so instead of refusing: for a start that a message may follow unasked. */
  mayMessage: (request: FastifyRequest) => Soon<boolean>
}

/**
 * For the routes of this scope. A request over a limit gets `rate_limited`.
 * @see draft-ietf-httpapi-ratelimit-headers for `RateLimit-Policy` and `RateLimit`
 */
export async function openRateLimits(app: FastifyInstance, options: RateLimitOptions): Promise<RateLimits> {
  const { counters, digest, events } = options
  await app.register(fastifyRateLimit, { global: false, store: storeOver(counters) })

  /** @param keyGenerator makes one word; or two, a set and a member of it: then different members are counted */
  function counting(
    name: LimitName,
    max: number,
    timeWindow: number,
    keyGenerator: (request: FastifyRequest) => string,
  ) {
    const named: CreateRateLimitOptions & { name: LimitName } = { name, max, timeWindow, keyGenerator }
    const count = max === 0 ? undefined : app.createRateLimit(named)
    return { name, count, policy: `"${name}";q=${max};w=${timeWindow / 1000}` }
  }

  /**
   * @param tells whether who is within the limit learns what is left: never what others asked about a number
   * @returns a hook; where the limit is off, an idle one
   */
  function limit({ name, count, policy }: ReturnType<typeof counting>, tells = false): Hook {
    if (!count) return () => undefined
    return (request, reply) =>
      count(request).then((left) => {
        if (left.isAllowed || !(left.isExceeded || tells)) return
        const seconds = Math.max(1, left.ttlInSeconds)
        reply.headers({ 'ratelimit-policy': policy, ratelimit: `"${name}";r=${left.remaining};t=${seconds}` })
        if (!left.isExceeded) return
        events({ name: 'rate_limit.refused', limit: name })
        const retryAfterSeconds = Math.min(maxRetryAfterSeconds, seconds)
        throw new ServiceFailure('rate_limited', { note: name, retryAfterSeconds })
      })
  }

  const { addressPerMinute, callerPerMinute, numberPerHour, distinctNumbersPerDay, smsPerNumberPerHour } =
    options
  const callerOf = ({ caller }: FastifyRequest) => caller.pseudonym
  const numberOf = ({ body }: FastifyRequest) => digest((body as WithNumber).phone_number)
  const setOf = (request: FastifyRequest) => `${callerOf(request)} ${numberOf(request)}`
  const address = limit(counting('address', addressPerMinute, minuteMs, ({ ip }) => digest(addressKey(ip))))
  const caller = limit(counting('caller', callerPerMinute, minuteMs, callerOf), true)
  const number = limit(counting('number', numberPerHour, hourMs, numberOf))
  const sms = counting('sms', smsPerNumberPerHour, hourMs, numberOf)
  const distinct = limit(counting('distinct-numbers', distinctNumbersPerDay, dayMs, setOf))

  return {
    byAddress: (scope) => void scope.addHook('onRequest', eagerHook(address)),
    byCaller: (scope) => void scope.addHook('onRequest', eagerHook(caller)),
    byNumber(scope) {
      const byBoth: Hook = (request, reply) =>
        isPhoneNumber((request.body as WithNumber).phone_number)
          ? whenThere(distinct(request, reply), () => number(request, reply))
          : undefined
      scope.addHook('preHandler', eagerHook(byBoth))
    },
    bySms: limit(sms),
    mayMessage: (request) =>
      sms.count ? sms.count(request).then((left) => left.isAllowed || !left.isExceeded) : true,
  }
}

/** One client: an IPv4 address, or the /64 network that an IPv6 client may take any address from. */
export function addressKey(address: string): string {
  // Some proxies write the client's port behind its address.
  return normalizeIP(address.replace(/^([\d.]+):\d+$/, '$1'))
}

/** The plugin's store over our counters; the child of a limit counts under the name of this limit. */
function storeOver(counters: Counters) {
  return class CountersStore {
    readonly #name: string | undefined

    constructor({ name }: { name?: string }) {
      this.#name = name
    }

    child(limit: object): CountersStore {
      return new CountersStore(limit)
    }

    incr(words: string, tell: TellCount, windowMs: number, max: number): void {
      const [word, member] = words.split(' ')
      const key = `${this.#name}:${word}`
      if (member === undefined)
        whenThere(counters.hit(key, windowMs), ({ hits, resetMs }) =>
          tell(null, { current: hits, ttl: resetMs }),
        )
      else
        whenThere(counters.admit(key, member, max, windowMs), ({ admitted, resetMs }) =>
          tell(null, { current: admitted ? max : max + 1, ttl: resetMs }),
        )
    }
  }
}
