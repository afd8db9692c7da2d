/**
 * Vonage Verify v2 as the core's `NetworkOperator`. Vonage names the verification itself, refuses a second one for the same number
 * meanwhile, and checks the code: a mismatch is seen by the device alone, so `false` never comes from here.
 */
import { ServiceFailure } from '../../core/failures.ts'
import {
  type AuthUrl,
  type AuthUrlRequest,
  type Clock,
  type Keep,
  type NetworkOperator,
  type StartsUnderWay,
  startUnderWaySeconds,
} from '../../core/ports.ts'
import { referenceTo } from '../../core/state.ts'
import type { Correlation } from '../../core/trace-context.ts'
import type { AuthUrlPolicy } from '../auth-url.ts'
import { abortAfter, createAuthorised } from '../authorised.ts'
import type { KeyRing } from '../key-ring.ts'
import type { Route } from '../route.ts'
import { checkRequest, isUnderWay, judgeCheck, judgeStart, startRequest } from './wire.ts'

export interface VerifyOptions {
  /** One for each kind of call, so that none ever waits behind calls of another kind. */
  startRoute: Route
  checkRoute: Route
  applicationJwt: KeyRing
  authUrlPolicy: AuthUrlPolicy
  /** What the user would read in a message: 1 to 18 characters. */
  brand: string
  /** The whole start: waiting, connecting, both tries after a 401. */
  startTimeoutMs: number
  finishTimeoutMs: number
  underWay: StartsUnderWay
  clock: Clock
}

export function createVerify(options: VerifyOptions): NetworkOperator {
  const { startRoute, checkRoute, underWay, clock } = options
  const authorised = createAuthorised(options.applicationJwt)
  /** The starts that run right now here, by caller and number: a user who taps twice joins the first. */
  const starting = new Map<string, Promise<AuthUrl>>()

  async function find({ subject, phoneNumber }: AuthUrlRequest): Promise<AuthUrl | undefined> {
    const started = await underWay.find(subject, phoneNumber)
    return started && { authUrl: started.authUrl, requiresCarrierNetwork: true }
  }

  /** Goes on when its caller leaves: Vonage would refuse the repeat, which then gets this answer. */
  async function begin(request: AuthUrlRequest, keep: Keep, correlation: Correlation): Promise<AuthUrl> {
    const { subject, phoneNumber } = request
    const live = await find(request)
    if (live) return live
    const work = new AbortController()
    const timer = abortAfter(options.startTimeoutMs, work)
    try {
      const outcome = await authorised.send(
        startRoute,
        (jwt) => startRequest(phoneNumber, options.brand, jwt, correlation),
        work.signal,
      )
      if (isUnderWay(outcome)) return (await find(request)) ?? refuseSecond()
      const { requestId, checkUrl } = judgeStart(outcome, options.authUrlPolicy, clock.wallMs())
      await keep({ reference: referenceTo(requestId), requestId, lifetimeSeconds: startUnderWaySeconds })
      // Without it a repeat has to wait until Vonage has forgotten this one.
      await underWay.keep(subject, phoneNumber, { requestId, authUrl: checkUrl }).catch(() => undefined)
      return { authUrl: checkUrl, requiresCarrierNetwork: true }
    } finally {
      clearTimeout(timer)
    }
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

    async checkCode({ subject, code, pending }, correlation) {
      const { phoneNumber, requestId = '' } = pending
      const work = new AbortController()
      const timer = abortAfter(options.finishTimeoutMs, work)
      try {
        const outcome = await authorised.send(
          checkRoute,
          (jwt) => checkRequest(requestId, code, jwt, correlation),
          work.signal,
        )
        judgeCheck(outcome, clock.wallMs())
        return true
      } finally {
        clearTimeout(timer)
        // Its URL leads nowhere any more. Should the code be unspent, a repeated start has to wait, but the finish can be repeated.
        await underWay.drop(subject, phoneNumber).catch(() => undefined)
      }
    },
  }
}

function refuseSecond(): never {
  throw new ServiceFailure('verification_in_progress', { retryAfterSeconds: startUnderWaySeconds })
}
