/**
 * Vonage as the core's `NetworkOperator`: sends what `wire.ts` builds, under one deadline, and returns what it judges.
 */
import type { Clock, NetworkOperator } from '../core/ports.ts'
import type { Soon } from '../core/soon.ts'
import type { AuthUrlPolicy } from './auth-url.ts'
import type { KeyRing } from './key-ring.ts'
import { judgeToken, judgeVerify, tokenRequest, verifyRequest } from './number-verification.ts'
import type { Outcome, Route } from './route.ts'
import type { Request } from './transport.ts'
import { judgeNetworkEnablement, networkEnablementRequest, refusedHere } from './wire.ts'

export interface VonageClientOptions {
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

export function createVonageClient(options: VonageClientOptions): NetworkOperator {
  const { startRoute, tokenRoute, verifyRoute, applicationJwt, clock } = options

  /** Lets our keys know how Vonage took this JWT. @returns after a 401 the one that may do better */
  function heed(outcome: Outcome, jwt: string): Soon<string | undefined> {
    if (outcome.kind !== 'answer') return undefined
    if (outcome.status === 401) return applicationJwt.replace(jwt)
    if (outcome.status === 200) applicationJwt.accepted(jwt)
    return undefined
  }

  /** Sends once more, with another JWT, after a 401 that this may cure: Vonage ran nothing of a call it did not authorise. */
  async function sendAuthorised(
    route: Route,
    build: (jwt: string) => Request,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const current = applicationJwt.current()
    const jwt = current instanceof Promise ? await current : current
    const outcome = await route.send(build(jwt), signal)
    const heeded = heed(outcome, jwt)
    const other = heeded instanceof Promise ? await heeded : heeded
    if (other === undefined) return outcome
    const second = await route.send(build(other), signal)
    await heed(second, other)
    return second
  }

  return {
    async requestAuthUrl(request, correlation, work) {
      const timer = abortAfter(options.startTimeoutMs, work)
      try {
        const outcome = await sendAuthorised(
          startRoute,
          (jwt) => networkEnablementRequest(request, jwt, correlation),
          work.signal,
        )
        return judgeNetworkEnablement(outcome, request.scope, options.authUrlPolicy, clock.wallMs())
      } finally {
        clearTimeout(timer)
      }
    },

    async verifyNumber(code, phoneNumber, correlation) {
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
        await heed(exchanged, jwt)
        const accessToken = judgeToken(exchanged, clock.wallMs())
        const verified = await verifyRoute.send(
          verifyRequest(phoneNumber, accessToken, correlation),
          work.signal,
        )
        return judgeVerify(verified, clock.wallMs())
      } finally {
        clearTimeout(timer)
      }
    },
  }
}

/** Not `AbortSignal.timeout`, whose timer and exception outlive every call that went well; and no `any`, which is dearer still. */
function abortAfter(timeoutMs: number, work: AbortController): NodeJS.Timeout {
  return setTimeout(() => work.abort(new DOMException('out of time', 'TimeoutError')), timeoutMs)
}
