/**
 * The limits, each at the point of a request where its key is known: by address before the token, by caller after it, then by how
 * many different numbers a caller asks about, which keeps the service from being an oracle for numbers, and by phone number.
 * @fastify/rate-limit applies those that count requests; what is counted is in our counters.
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

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** The contract's bound for Retry-After; `RateLimit` has the true time. */
const maxRetryAfterSeconds = 60

type LimitName = 'address' | 'caller' | 'number' | 'distinct-numbers' | 'sms'
type TellCount = Parameters<FastifyRateLimitStore['incr']>[1]
type Hook = (request: FastifyRequest, reply: FastifyReply) => Promise<void>
/** What is left of a limit, in the plugin's words. */
type Left = { isExceeded: boolean; remaining: number; ttlInSeconds: number }

interface Limit {
  name: LimitName
  /** 0 switches it off. */
  max: number
  /** Milliseconds. */
  timeWindow: number
  /** The field `RateLimit-Policy`. */
  policy: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The name under which the number of the body is counted. Set by `byNumber`, if it is a number. */
    numberName: string
  }
}

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

  /** @returns undefined where the limit is off */
  function counting(limit: Limit, keyGenerator: (request: FastifyRequest) => string) {
    const named: CreateRateLimitOptions & { name: LimitName } = { ...limit, keyGenerator }
    return limit.max === 0 ? undefined : app.createRateLimit(named)
  }

  /** Tells what is left of a limit, and refuses who is over it. */
  function judge({ name, policy }: Limit, left: Left, reply: FastifyReply): void {
    const seconds = Math.max(1, left.ttlInSeconds)
    reply.headers({ 'ratelimit-policy': policy, ratelimit: `"${name}";r=${left.remaining};t=${seconds}` })
    if (!left.isExceeded) return
    events({ name: 'rate_limit.refused', limit: name })
    const retryAfterSeconds = Math.min(maxRetryAfterSeconds, seconds)
    throw new ServiceFailure('rate_limited', { note: name, retryAfterSeconds })
  }

  function limitOf(name: LimitName, max: number, timeWindow: number): Limit {
    return { name, max, timeWindow, policy: `"${name}";q=${max};w=${timeWindow / 1000}` }
  }

  /**
   * @param tells whether who is within the limit learns what is left: never what others asked about a number
   * @returns undefined where the limit is off
   */
  function hookOf(limit: Limit, keyOf: (request: FastifyRequest) => string, tells = false): Hook | undefined {
    const count = counting(limit, keyOf)
    if (!count) return undefined
    return async (request, reply) => {
      const left = await count(request)
      if (!left.isAllowed && (left.isExceeded || tells)) judge(limit, left, reply)
    }
  }

  const addressOf = ({ ip }: FastifyRequest) => digest(addressKey(ip))
  const callerOf = ({ caller }: FastifyRequest) => caller.pseudonym
  const numberOf = ({ numberName }: FastifyRequest) => numberName
  const byAddress = hookOf(limitOf('address', options.addressPerMinute, minuteMs), addressOf)
  const byCaller = hookOf(limitOf('caller', options.callerPerMinute, minuteMs), callerOf, true)
  const byNumber = hookOf(limitOf('number', options.numberPerHour, hourMs), numberOf)
  const ofMessages = limitOf('sms', options.smsPerNumberPerHour, hourMs)
  const countMessage = counting(ofMessages, numberOf)
  const ofDistinct = limitOf('distinct-numbers', options.distinctNumbersPerDay, dayMs)

  /** The members of a set, which the plugin does not count. */
  async function byDistinctNumbers(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { name, max, timeWindow } = ofDistinct
    if (max === 0) return
    const key = `${name}:${callerOf(request)}`
    const { admitted, resetMs } = await counters.admit(key, request.numberName, max, timeWindow)
    if (admitted) return
    judge(ofDistinct, { isExceeded: true, remaining: 0, ttlInSeconds: Math.ceil(resetMs / 1000) }, reply)
  }

  return {
    byAddress: (scope) => void (byAddress && scope.addHook('onRequest', byAddress)),
    byCaller: (scope) => void (byCaller && scope.addHook('onRequest', byCaller)),
    byNumber(scope) {
      scope.decorateRequest('numberName', '')
      scope.addHook('preHandler', async (request, reply) => {
        const { phone_number: phoneNumber } = request.body as { phone_number: string }
        if (!isPhoneNumber(phoneNumber)) return
        request.numberName = digest(phoneNumber)
        await byDistinctNumbers(request, reply)
        await byNumber?.(request, reply)
      })
    },
    bySms: hookOf(ofMessages, numberOf) ?? (async () => undefined),
    mayMessage: (request) =>
      countMessage ? countMessage(request).then((left) => left.isAllowed || !left.isExceeded) : true,
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

    incr(word: string, tell: TellCount, windowMs: number): void {
      whenThere(counters.hit(`${this.#name}:${word}`, windowMs), ({ hits, resetMs }) =>
        tell(null, { current: hits, ttl: resetMs }),
      )
    }
  }
}
