/**
 * Vonage as the core's `NetworkOperator`: sends what `wire.ts` builds, under one deadline, and returns what it judges.
 */
import type { Clock, NetworkOperator } from '../core/ports.ts'
import type { ApplicationJwt } from './application-jwt.ts'
import type { AuthUrlPolicy } from './auth-url.ts'
import { judgeToken, judgeVerify, tokenRequest, verifyRequest } from './number-verification.ts'
import type { Answer, NoAnswer, Request, Transport } from './transport.ts'
import { judgeNetworkEnablement, networkEnablementRequest } from './wire.ts'

export interface VonageClientOptions {
  /** One transport per route, so that no call ever waits for a connection behind calls of another kind. */
  startTransport: Transport
  tokenTransport: Transport
  verifyTransport: Transport
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
  const { startTransport, tokenTransport, verifyTransport, applicationJwt, clock } = options

  /** Sends once more, with a JWT signed anew, after a 401 that this may cure: Vonage ran nothing of a call it did not authorise. */
  async function sendAuthorised(
    transport: Transport,
    build: (jwt: string) => Request,
    signal: AbortSignal,
  ): Promise<Answer | NoAnswer> {
    const jwt = await applicationJwt.current()
    const outcome = await transport.send(build(jwt), signal)
    if (outcome.kind !== 'answer' || outcome.status !== 401) return outcome
    const renewed = await applicationJwt.replace(jwt)
    return renewed === undefined ? outcome : transport.send(build(renewed), signal)
  }

  return {
    async requestAuthUrl(request, callerSignal) {
      const deadline = AbortSignal.timeout(options.startTimeoutMs)
      const signal = callerSignal ? AbortSignal.any([deadline, callerSignal]) : deadline
      const outcome = await sendAuthorised(
        startTransport,
        (jwt) => networkEnablementRequest(request, jwt),
        signal,
      )
      return judgeNetworkEnablement(outcome, request.scope, options.authUrlPolicy, clock.wallMs())
    },

    async verifyNumber(code, phoneNumber) {
      const deadline = AbortSignal.timeout(options.finishTimeoutMs)
      const jwt = await applicationJwt.current()
      const exchanged = await tokenTransport.send(tokenRequest(code, options.redirectUri, jwt), deadline)
      // The code is not sent twice, but the next caller gets a new JWT.
      if (exchanged.kind === 'answer' && exchanged.status === 401) void applicationJwt.replace(jwt)
      const accessToken = judgeToken(exchanged, clock.wallMs())
      const verified = await verifyTransport.send(verifyRequest(phoneNumber, accessToken), deadline)
      return judgeVerify(verified, clock.wallMs())
    },
  }
}
