/**
 * Vonage as the core's `NetworkOperator`: sends what `wire.ts` builds, under one deadline, and returns what it judges.
 */
import type { Clock, NetworkOperator } from '../core/ports.ts'
import type { ApplicationJwt } from './application-jwt.ts'
import type { AuthUrlPolicy } from './auth-url.ts'
import type { Answer, NoAnswer, Request, Transport } from './transport.ts'
import { judgeNetworkEnablement, networkEnablementRequest } from './wire.ts'

export interface VonageClientOptions {
  api: Transport
  applicationJwt: ApplicationJwt
  authUrlPolicy: AuthUrlPolicy
  /** The whole start: waiting, connecting, both tries after a 401. */
  startTimeoutMs: number
  clock: Clock
}

export function createVonageClient(options: VonageClientOptions): NetworkOperator {
  const { api, applicationJwt, authUrlPolicy, startTimeoutMs, clock } = options

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
      const deadline = AbortSignal.timeout(startTimeoutMs)
      const signal = callerSignal ? AbortSignal.any([deadline, callerSignal]) : deadline
      const outcome = await sendAuthorised(api, (jwt) => networkEnablementRequest(request, jwt), signal)
      return judgeNetworkEnablement(outcome, request.scope, authUrlPolicy, clock.wallMs())
    },
  }
}
