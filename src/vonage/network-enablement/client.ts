/**
 * Vonage Network Enablement and Number Verification as the core's `NetworkOperator`: sends what the wire files build, under one
 * deadline, and returns what they judge.
 */
import type { Clock, NetworkOperator } from '../../core/ports.ts'
import type { AuthUrlPolicy } from '../auth-url.ts'
import { abortAfter, createAuthorised } from '../authorised.ts'
import { refusedHere } from '../judging.ts'
import type { KeyRing } from '../key-ring.ts'
import type { Route } from '../route.ts'
import { judgeToken, judgeVerify, tokenRequest, verifyRequest } from './number-verification.ts'
import { judgeNetworkEnablement, networkEnablementRequest } from './wire.ts'

export interface NetworkEnablementOptions {
  /** One for each kind of call, so that none ever waits behind calls of another kind. */
  startRoute: Route
  tokenRoute: Route
  verifyRoute: Route
  applicationJwt: KeyRing
  authUrlPolicy: AuthUrlPolicy
  /** The whole start: waiting, connecting, both tries after a 401. */
  startTimeoutMs: number
  /** Both calls of a finish together. */
  finishTimeoutMs: number
  /** Exactly as registered for the application. */
  redirectUri: string
  clock: Clock
}

export function createNetworkEnablement(options: NetworkEnablementOptions): NetworkOperator {
  const { startRoute, tokenRoute, verifyRoute, applicationJwt, clock } = options
  const authorised = createAuthorised(applicationJwt)

  return {
    async requestAuthUrl(request, keep, correlation, work) {
      // At the same time as the call, so that a remote store costs no latency; the core waits for it.
      void keep({ reference: request.state })
      const timer = abortAfter(options.startTimeoutMs, work)
      try {
        const outcome = await authorised.send(
          startRoute,
          (jwt) => networkEnablementRequest(request, jwt, correlation),
          work.signal,
        )
        return judgeNetworkEnablement(outcome, request.scope, options.authUrlPolicy, clock.wallMs())
      } finally {
        clearTimeout(timer)
      }
    },

    async checkCode({ code, pending }, correlation) {
      const work = new AbortController()
      const timer = abortAfter(options.finishTimeoutMs, work)
      try {
        // A code that is exchanged while its second call may not be sent would be spent for nothing.
        const refused = verifyRoute.refused()
        if (refused) throw refusedHere(refused)
        const jwt = await applicationJwt.current()
        const exchanged = await tokenRoute.send(
          tokenRequest(code, options.redirectUri, jwt, correlation),
          work.signal,
        )
        // The code is not sent twice, but the next caller gets another JWT.
        await authorised.heed(exchanged, jwt)
        const accessToken = judgeToken(exchanged, clock.wallMs())
        const verified = await verifyRoute.send(
          verifyRequest(pending.phoneNumber, accessToken, correlation),
          work.signal,
        )
        return judgeVerify(verified, clock.wallMs())
      } finally {
        clearTimeout(timer)
      }
    },
  }
}
