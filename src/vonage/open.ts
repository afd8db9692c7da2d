/**
 * Opens all that speaks to Vonage from its part of the settings: one route for each kind of call, and the product that starts
 * verifications. Codes are checked by whichever product began the verification, so that replicas of both can run side by side.
 */
import type { EventSink, UpstreamCall } from '../core/events.ts'
import { type FailureContext, ServiceFailure } from '../core/failures.ts'
import type { CodeSender } from '../core/message-ports.ts'
import type { Clock, NetworkOperator, StartsUnderWay } from '../core/ports.ts'
import type { InSpan } from '../core/spans.ts'
import { type AuthUrlPolicy, createAuthUrlPolicy } from './auth-url.ts'
import type { KeyRing } from './key-ring.ts'
import { createNetworkEnablement } from './network-enablement/client.ts'
import { createQuota, type Permits, type Quota } from './quota.ts'
import { createRoute, type Route } from './route.ts'
import { traceTransport } from './traced-transport.ts'
import { createTransport, type Transport } from './transport.ts'
import { createVerify } from './verify/client.ts'
import type { MessageForm } from './verify/wire.ts'

/** What the quota lets in within one deadline, with bounds for very small and very large quotas. */
const inFlightPerRoute = { min: 64, max: 512 }

/** By the names of the settings. */
export interface VonageSettings {
  readonly VONAGE_PRODUCT: 'network_enablement' | 'verify'
  readonly VONAGE_API_URL: string
  readonly VONAGE_TOKEN_URL: string
  readonly VONAGE_VERIFY_URL: string
  readonly VONAGE_REDIRECT_URI?: string
  readonly VONAGE_BRAND?: string
  readonly SMS_FALLBACK: boolean
  readonly SMS_CODE_LENGTH: number
  readonly SMS_LOCALE: string
  readonly SMS_SENDER?: string
  readonly VONAGE_REQUESTS_PER_SECOND: number
  readonly VONAGE_AUTH_URL_HOSTS: readonly string[]
  readonly ALLOW_INSECURE_UPSTREAM: boolean
  readonly START_TIMEOUT_MS: number
  readonly FINISH_TIMEOUT_MS: number
}

export interface VonageContext {
  applicationJwt: KeyRing
  permits: Permits
  underWay: StartsUnderWay
  clock: Clock
  events: EventSink
  /** Where tracing is on. */
  inSpan: InSpan | undefined
}

export interface Vonage {
  operator: NetworkOperator
  /** Opens what it needs when it is first used. */
  sender: CodeSender
  /** Starts that wait for the quota now. */
  waiting(): number
  /** The routes that are open. */
  circuits(): Iterable<[UpstreamCall, ReturnType<Route['circuit']>]>
  /** Waits for the calls under way. */
  close(): Promise<void>
}

export function openVonage(settings: VonageSettings, context: VonageContext): Vonage {
  const { applicationJwt, permits, underWay, clock, events, inSpan } = context
  const perSecond = settings.VONAGE_REQUESTS_PER_SECOND
  const maxInFlight = maxInFlightPerRoute(settings)
  const quota = createQuota({ permits, perSecond, maxWaitMs: settings.START_TIMEOUT_MS / 2, clock, events })
  const transports: Transport[] = []
  const routes = new Map<UpstreamCall, Route>()

  function openRoute(call: UpstreamCall, url: string, quotaOfRoute?: Quota): Route {
    const transport = createTransport({ url, connections: maxInFlight })
    transports.push(transport)
    const route = createRoute({
      call,
      transport: inSpan ? traceTransport(transport, call, url, inSpan) : transport,
      maxInFlight,
      quota: quotaOfRoute,
      clock,
      events,
    })
    routes.set(call, route)
    return route
  }

  const common = {
    applicationJwt,
    startTimeoutMs: settings.START_TIMEOUT_MS,
    finishTimeoutMs: settings.FINISH_TIMEOUT_MS,
    clock,
  }
  const authUrlPolicy = (apiUrl: string): AuthUrlPolicy =>
    createAuthUrlPolicy({
      hosts: settings.VONAGE_AUTH_URL_HOSTS,
      apiUrl,
      allowInsecure: settings.ALLOW_INSECURE_UPSTREAM,
    })
  /** Each is opened when it is first needed, which for most processes is one of the two. */
  const networkEnablement = once((): NetworkOperator => {
    const { VONAGE_API_URL, VONAGE_TOKEN_URL, VONAGE_REDIRECT_URI: redirectUri } = settings
    if (redirectUri === undefined) throw new ServiceFailure('upstream_busy', notHere)
    return createNetworkEnablement({
      ...common,
      startRoute: openRoute('network_enablement', VONAGE_API_URL, quota),
      tokenRoute: openRoute('token', VONAGE_TOKEN_URL),
      verifyRoute: openRoute('verify', VONAGE_API_URL),
      authUrlPolicy: authUrlPolicy(VONAGE_API_URL),
      redirectUri,
    })
  })
  const message: MessageForm | undefined = settings.SMS_FALLBACK
    ? { codeLength: settings.SMS_CODE_LENGTH, locale: settings.SMS_LOCALE, sender: settings.SMS_SENDER }
    : undefined
  const verify = once(() => {
    const { VONAGE_VERIFY_URL, VONAGE_BRAND: brand = '' } = settings
    return createVerify({
      ...common,
      startRoute: openRoute('verify_v2', VONAGE_VERIFY_URL, quota),
      nextRoute: openRoute('verify_v2_next', VONAGE_VERIFY_URL, quota),
      checkRoute: openRoute('verify_v2_check', VONAGE_VERIFY_URL),
      authUrlPolicy: authUrlPolicy(VONAGE_VERIFY_URL),
      brand,
      message,
      underWay,
    })
  })
  const product = settings.VONAGE_PRODUCT === 'verify' ? verify() : networkEnablement()

  return {
    operator: {
      requestAuthUrl: product.requestAuthUrl,
      async checkCode(attempt, correlation) {
        const began = attempt.pending.requestId === undefined ? networkEnablement() : verify()
        return began.checkCode(attempt, correlation)
      },
    },
    sender: { sendCode: (request, admit, correlation) => verify().sendCode(request, admit, correlation) },
    waiting: quota.waiting,
    *circuits() {
      for (const [call, route] of routes) yield [call, route.circuit()]
    },
    async close() {
      await Promise.all(transports.map((transport) => transport.close()))
    },
  }
}

/** Another replica, where VONAGE_REDIRECT_URI is set, may check the code. */
const notHere: FailureContext = { note: 'of Network Enablement, and VONAGE_REDIRECT_URI is not set' }

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}

function maxInFlightPerRoute({ VONAGE_REQUESTS_PER_SECOND, START_TIMEOUT_MS }: VonageSettings): number {
  const { min, max } = inFlightPerRoute
  return Math.min(max, Math.max(min, Math.ceil((VONAGE_REQUESTS_PER_SECOND * START_TIMEOUT_MS) / 1000)))
}
