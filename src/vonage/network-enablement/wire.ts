/**
 * The wire format of the first half of Network Enablement: a number becomes a URL for the device. Pure: no I/O, no clock.
 */
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { ServiceFailure } from '../../core/failures.ts'
import type { AuthUrl, AuthUrlRequest } from '../../core/ports.ts'
import type { Correlation } from '../../core/trace-context.ts'
import { type AuthUrlPolicy, isAllowedAuthUrl } from '../auth-url.ts'
import { parse, refusal, startWithoutAnswer, traceHeaders } from '../judging.ts'
import type { Outcome } from '../route.ts'
import type { Request } from '../transport.ts'

const NetworkEnablementAnswer = TypeCompiler.Compile(
  Type.Object({ scopes: Type.Record(Type.String(), Type.Unknown()) }),
)

/** One entry of `scopes`: a URL or an error. Vonage calls its error members open strings, so only its presence counts. */
const ScopeEntry = TypeCompiler.Compile(
  Type.Object({
    auth_url: Type.Optional(Type.Union([Type.String(), Type.Null()])),
    requires_carrier_network: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
    error: Type.Optional(Type.Unknown()),
  }),
)

/** `POST /v0.1/network-enablement`. The member is `scopes`, and the scope goes without an `openid ` prefix. @see Vonage Network Enablement API reference */
export function networkEnablementRequest(
  request: Pick<AuthUrlRequest, 'phoneNumber' | 'scope' | 'state'>,
  applicationJwt: string,
  correlation: Correlation,
): Request {
  return {
    method: 'POST',
    path: '/v0.1/network-enablement',
    headers: {
      authorization: `Bearer ${applicationJwt}`,
      'content-type': 'application/json',
      ...traceHeaders(correlation),
    },
    body: JSON.stringify({
      phone_number: request.phoneNumber.reveal(),
      scopes: [request.scope],
      state: request.state,
    }),
  }
}

/**
 * A 200 can still be a failure, for each scope apart. `requires_carrier_network` is deprecated at Vonage: when it is absent
 * the answer is `true`, the safe side.
 * @throws network_not_supported for a scope with an error, without a URL, or not answered, and for status 422
 * @throws upstream_invalid, upstream_refused, upstream_unavailable, upstream_busy, upstream_timeout
 */
export function judgeNetworkEnablement(
  outcome: Outcome,
  scope: string,
  policy: AuthUrlPolicy,
  nowMs: number,
): AuthUrl {
  if (outcome.kind !== 'answer') throw startWithoutAnswer(outcome)
  if (outcome.status === 422) throw new ServiceFailure('network_not_supported', { note: 'status 422' })
  if (outcome.status !== 200) throw refusal(outcome, nowMs)
  const { scopes } = parse(outcome, NetworkEnablementAnswer)
  if (!Object.hasOwn(scopes, scope))
    throw new ServiceFailure('network_not_supported', { note: 'the scope is not in the answer' })
  const entry = scopes[scope]
  if (!ScopeEntry.Check(entry))
    throw new ServiceFailure('upstream_invalid', { note: 'malformed entry for the scope' })
  if (entry.error) throw new ServiceFailure('network_not_supported', { note: 'the scope has an error' })
  if (!entry.auth_url)
    throw new ServiceFailure('network_not_supported', { note: 'the scope has no auth_url' })
  if (!isAllowedAuthUrl(entry.auth_url, policy))
    throw new ServiceFailure('upstream_invalid', { note: 'an auth_url that may not be handed out' })
  return { authUrl: entry.auth_url, requiresCarrierNetwork: entry.requires_carrier_network ?? true }
}
