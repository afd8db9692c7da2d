/**
 * Vonage as the core's `NetworkOperator`: sends what `wire.ts` builds, under one deadline, and returns what it judges.
 */
import type { Clock, NetworkOperator } from '../core/ports.ts'
import type { ApplicationJwt } from './application-jwt.ts'
import type { AuthUrlPolicy } from './auth-url.ts'
import { judgeToken, judgeVerify, tokenRequest, verifyRequest } from './number-verification.ts'
import type { Outcome, Route } from './route.ts'
import type { Request } from './transport.ts'
import { judgeNetworkEnablement, networkEnablementRequest } from './wire.ts'

export interface VonageClientOptions {
  /** One for each kind of call, so that none ever waits behind calls of another kind. */
  startRoute: Route
  tokenRoute: Route
  verifyRoute: Route
  applicationJwt: ApplicationJwt
  authUrlPolicy: AuthUrlPolicy
  /** The whole start: waiting, connecting, both tries after a 401. */
  startTimeoutMs: number
  /** Both calls of a finish together. */
  finishTimeoutMs: number
  /** Exactly as registered for the application. */
  redirectUri: string
  clock: Clock
}

export function createVonageClient(options: VonageClientOptions): NetworkOperator {
  const { startRoute, tokenRoute, verifyRoute, applicationJwt, clock } = options

  /** Sends once more, with a JWT signed anew, after a 401 that this may cure: Vonage ran nothing of a call it did not authorise. */
  async function sendAuthorised(
    route: Route,
    build: (jwt: string) => Request,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const jwt = await applicationJwt.current()
    const outcome = await route.send(build(jwt), signal)
    if (outcome.kind !== 'answer' || outcome.status !== 401) return outcome
    const renewed = await applicationJwt.replace(jwt)
    return renewed === undefined ? outcome : route.send(build(renewed), signal)
  }

  return {
    async requestAuthUrl(request, correlation, callerSignal) {
      const signal = AbortSignal.any([AbortSignal.timeout(options.startTimeoutMs), callerSignal])
      const outcome = await sendAuthorised(
        startRoute,
        (jwt) => networkEnablementRequest(request, jwt, correlation),
        signal,
      )
      return judgeNetworkEnablement(outcome, request.scope, options.authUrlPolicy, clock.wallMs())
    },

    async verifyNumber(code, phoneNumber, correlation) {
      const deadline = AbortSignal.timeout(options.finishTimeoutMs)
      const jwt = await applicationJwt.current()
      const exchanged = await tokenRoute.send(
        tokenRequest(code, options.redirectUri, jwt, correlation),
        deadline,
      )
      // The code is not sent twice, but the next caller gets a new JWT.
      if (exchanged.kind === 'answer' && exchanged.status === 401) await applicationJwt.replace(jwt)
      const accessToken = judgeToken(exchanged, clock.wallMs())
      const verified = await verifyRoute.send(verifyRequest(phoneNumber, accessToken, correlation), deadline)
      return judgeVerify(verified, clock.wallMs())
    },
  }
}
