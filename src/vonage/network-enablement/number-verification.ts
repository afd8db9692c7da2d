/**
 * The wire format of the second half: a code becomes an access token, which is spent on one question about one number.
 * Pure, like `wire.ts`. Its errors come in three shapes: OAuth, problem documents and CAMARA; each is read by its own member.
 */
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { ServiceFailure } from '../../core/failures.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import type { Correlation } from '../../core/trace-context.ts'
import {
  asSpent,
  codeRefusal,
  codeWithoutAnswer,
  parse,
  parseReason,
  refusal,
  refusedHere,
  traceHeaders,
} from '../judging.ts'
import type { Outcome } from '../route.ts'
import type { Request } from '../transport.ts'

const TokenAnswer = TypeCompiler.Compile(
  // Anything else could not be sent in a header.
  Type.Object({ access_token: Type.String({ pattern: '^[!-~]+$' }) }),
)
const VerifyAnswer = TypeCompiler.Compile(Type.Object({ devicePhoneNumberVerified: Type.Boolean() }))
/** `error` is OAuth's (RFC 6749 section 5.2), `code` is CAMARA's. */
const ErrorAnswer = TypeCompiler.Compile(
  Type.Object({ error: Type.Optional(Type.Unknown()), code: Type.Optional(Type.Unknown()) }),
)

/** The token endpoint is a setting by itself, so there is no path here. No client secret, no PKCE. @see RFC 6749 section 4.1.3 */
export function tokenRequest(
  code: string,
  redirectUri: string,
  applicationJwt: string,
  correlation: Correlation,
): Request {
  return {
    method: 'POST',
    path: '',
    headers: {
      authorization: `Bearer ${applicationJwt}`,
      'content-type': 'application/x-www-form-urlencoded',
      ...traceHeaders(correlation),
    },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      code,
      redirect_uri: redirectUri,
    }).toString(),
  }
}

/**
 * @returns the access token: good for one call, within seconds
 * @throws code_rejected for `invalid_grant`; outcome_unknown when the code may be spent and no answer came
 * @throws upstream_unavailable, upstream_busy when the code was surely not spent
 * @throws upstream_invalid, upstream_refused
 */
export function judgeToken(outcome: Outcome, nowMs: number): string {
  if (outcome.kind !== 'answer') throw codeWithoutAnswer(outcome)
  if (outcome.status === 200) return parse(outcome, TokenAnswer).access_token
  const error = parseReason(outcome, ErrorAnswer)?.error
  if (error === 'invalid_grant') throw new ServiceFailure('code_rejected')
  if (error === 'invalid_client' || error === 'unauthorized_client')
    throw new ServiceFailure('upstream_refused', { note: error })
  throw codeRefusal(outcome, nowMs)
}

/** With CAMARA's own correlation header. @see CAMARA Number Verification 2.1.0, operation phoneNumberVerify */
export function verifyRequest(
  phoneNumber: PhoneNumber,
  accessToken: string,
  correlation: Correlation,
): Request {
  return {
    method: 'POST',
    path: '/camara/number-verification/v031/verify',
    headers: {
      authorization: `Bearer ${accessToken}`,
      'content-type': 'application/json',
      'x-correlator': correlation.requestId,
      ...traceHeaders(correlation),
    },
    body: JSON.stringify({ phoneNumber: phoneNumber.reveal() }),
  }
}

/**
 * @throws not_on_carrier_network, network_not_supported (422); outcome_unknown when no answer came: the code is spent
 * @throws upstream_invalid, upstream_refused
 */
export function judgeVerify(outcome: Outcome, nowMs: number): boolean {
  if (outcome.kind === 'busy') throw asSpent(refusedHere(outcome))
  if (outcome.kind !== 'answer') throw new ServiceFailure('outcome_unknown', { cause: outcome.cause })
  if (outcome.status === 200) return parse(outcome, VerifyAnswer).devicePhoneNumberVerified
  if (outcome.status === 422) throw new ServiceFailure('network_not_supported', { note: 'status 422' })
  if (
    parseReason(outcome, ErrorAnswer)?.code === 'NUMBER_VERIFICATION.USER_NOT_AUTHENTICATED_BY_MOBILE_NETWORK'
  )
    throw new ServiceFailure('not_on_carrier_network')
  throw asSpent(refusal(outcome, nowMs))
}
