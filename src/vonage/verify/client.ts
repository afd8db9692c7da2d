/**
 * Vonage Verify v2 as the core's `NetworkOperator` and `CodeSender`. Vonage names the verification itself, refuses a second one for the
 * same number meanwhile, and checks the code: a mismatch is seen by the device alone, so `false` never comes from here.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { ServiceFailure } from '../../core/failures.ts'
import type { CodeSender } from '../../core/message-ports.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import {
  type AuthUrl,
  type AuthUrlRequest,
  type Clock,
  type Keep,
  messageUnderWaySeconds,
  type NetworkOperator,
  type StartsUnderWay,
  startUnderWaySeconds,
} from '../../core/ports.ts'
import { referenceTo } from '../../core/state.ts'
import type { Correlation } from '../../core/trace-context.ts'
import type { AuthUrlPolicy } from '../auth-url.ts'
import { abortAfter, createAuthorised } from '../authorised.ts'
import type { KeyRing } from '../key-ring.ts'
import type { Outcome, Route } from '../route.ts'
import type { Request } from '../transport.ts'
import {
  checkRequest,
  isCompleted,
  isUnderWay,
  judgeCheck,
  judgeNext,
  judgeStart,
  type MessageForm,
  messageRequest,
  nextRequest,
  startRequest,
} from './wire.ts'

/** Vonage asks for a moment. */
const askAgainAfterMs = 500

export interface VerifyOptions {
  /** One for each kind of call, so that none ever waits behind calls of another kind. */
  startRoute: Route
  nextRoute: Route
  checkRoute: Route
  applicationJwt: KeyRing
  authUrlPolicy: AuthUrlPolicy
  /** What the user would read in a message: 1 to 18 characters. */
  brand: string
  /** How messages are to be; undefined: there are none. */
  message: MessageForm | undefined
  /** The whole start: waiting, connecting, both tries after a 401. */
  startTimeoutMs: number
  finishTimeoutMs: number
  underWay: StartsUnderWay
  clock: Clock
}

export function createVerify(options: VerifyOptions): NetworkOperator & CodeSender {
  const { startRoute, nextRoute, checkRoute, brand, underWay, clock } = options
  const authorised = createAuthorised(options.applicationJwt)
  /** The starts that run right now here, by caller and number: a user who taps twice joins the first. */
  const starting = new Map<string, Promise<AuthUrl>>()

  async function find({ subject, phoneNumber }: AuthUrlRequest): Promise<AuthUrl | undefined> {
    const { authUrl } = (await underWay.find('silent', subject, phoneNumber)) ?? {}
    return authUrl === undefined ? undefined : { authUrl, requiresCarrierNetwork: true }
  }

  /** A call and its one repeat after a 401, under a deadline of its own, so that it goes on when its caller leaves. */
  async function within<T>(
    timeoutMs: number,
    work: (
      send: (route: Route, build: (jwt: string) => Request) => Promise<Outcome>,
      signal: AbortSignal,
    ) => Promise<T>,
  ): Promise<T> {
    const controller = new AbortController()
    const { signal } = controller
    const timer = abortAfter(timeoutMs, controller)
    try {
      return await work((route, build) => authorised.send(route, build, signal), signal)
    } finally {
      clearTimeout(timer)
    }
  }

  /** Vonage sends it by itself when the silent step ends, so it is counted before. */
  async function messageAfter({ phoneNumber, mayMessage }: AuthUrlRequest): Promise<MessageForm | undefined> {
    const { message } = options
    // Vonage demands that a virtual number's silent step is the only one.
    if (!message || phoneNumber.isVirtual) return undefined
    return (await mayMessage()) ? message : undefined
  }

  /** Goes on when its caller leaves: Vonage would refuse the repeat, which then gets this answer. */
  async function begin(request: AuthUrlRequest, keep: Keep, correlation: Correlation): Promise<AuthUrl> {
    const { subject, phoneNumber } = request
    const live = await find(request)
    if (live) return live
    const message = await messageAfter(request)
    const outcome = await within(options.startTimeoutMs, (send) =>
      send(startRoute, (jwt) => startRequest(phoneNumber, brand, message, jwt, correlation)),
    )
    if (isUnderWay(outcome)) return (await find(request)) ?? refuseSecond()
    const { requestId, checkUrl } = judgeStart(outcome, options.authUrlPolicy, clock.wallMs())
    // Without it a repeat has to wait until Vonage has forgotten this one.
    if (message)
      await underWay
        .keep('message', subject, phoneNumber, { requestId }, messageUnderWaySeconds)
        .catch(() => undefined)
    if (checkUrl === undefined) throw new ServiceFailure('network_not_supported', { note: 'no check_url' })
    await keep({ reference: referenceTo(requestId), requestId, lifetimeSeconds: startUnderWaySeconds })
    await underWay
      .keep('silent', subject, phoneNumber, { requestId, authUrl: checkUrl }, startUnderWaySeconds)
      .catch(() => undefined)
    return { authUrl: checkUrl, requiresCarrierNetwork: true }
  }

  /**
   * Nothing of this caller for this number is under way any more.
   * @param failed the verification that nevertheless may be: then a message is asked of it first
   */
  async function forget(subject: string, phoneNumber: PhoneNumber, failed?: string): Promise<void> {
    if (failed !== undefined && (await underWay.find('message', subject, phoneNumber).catch(() => undefined)))
      return underWay
        .keep('silent', subject, phoneNumber, { requestId: failed }, startUnderWaySeconds)
        .catch(() => undefined)
    const kinds = ['silent', 'message'] as const
    await Promise.all(kinds.map((kind) => underWay.drop(kind, subject, phoneNumber))).catch(() => undefined)
  }

  return {
    requestAuthUrl(request, keep, correlation) {
      const key = `${request.phoneNumber.reveal()} ${request.subject}`
      const underWayHere = starting.get(key)
      if (underWayHere) return underWayHere
      const started = begin(request, keep, correlation).finally(() => starting.delete(key))
      starting.set(key, started)
      return started
    },

    sendCode: ({ subject, phoneNumber }, admit, correlation) =>
      within(options.startTimeoutMs, async (send, signal) => {
        const { message } = options
        if (!message) throw new ServiceFailure('network_not_supported', { note: 'messages are off' })
        const moveOn = async (requestId: string) =>
          judgeNext(await send(nextRoute, (jwt) => nextRequest(requestId, jwt, correlation)), clock.wallMs())

        const begun = await underWay.find('message', subject, phoneNumber)
        const silent = begun && (await underWay.find('silent', subject, phoneNumber))
        // When the silent step is over, Vonage has sent the message by itself.
        let moved = begun && !silent ? 'moved before' : undefined
        if (begun && silent) {
          moved = await moveOn(begun.requestId)
          if (moved === 'again') {
            await wait(askAgainAfterMs, undefined, { signal }).catch(() => undefined)
            if (!signal.aborted) moved = await moveOn(begun.requestId)
          }
          if (moved === 'again') throw new ServiceFailure('upstream_busy', { note: 'not moved on yet' })
        }
        await forget(subject, phoneNumber)
        if (begun && moved !== 'ended') return { requestId: begun.requestId }
        await admit()
        const outcome = await send(startRoute, (jwt) =>
          messageRequest(phoneNumber, brand, message, jwt, correlation),
        )
        if (isUnderWay(outcome)) refuseSecond()
        return judgeStart(outcome, options.authUrlPolicy, clock.wallMs())
      }),

    async checkCode({ subject, code, pending, typed = false }, correlation) {
      const { phoneNumber, requestId = '' } = pending
      const outcome = await within(options.finishTimeoutMs, (send) =>
        send(checkRoute, (jwt) => checkRequest(requestId, code, jwt, correlation)),
      )
      // Its URL leads nowhere any more. Should the code be unspent, a repeated start has to wait, but the finish can be repeated.
      if (!typed) await forget(subject, phoneNumber, isCompleted(outcome) ? undefined : requestId)
      judgeCheck(outcome, typed, clock.wallMs())
      return true
    },
  }
}

function refuseSecond(): never {
  throw new ServiceFailure('verification_in_progress', { retryAfterSeconds: startUnderWaySeconds })
}
