/**
 * The wire format of Verify v2 with silent authentication. Pure: no I/O, no clock.
 * @see Vonage Verify v2 API reference 1.0.1, operations newRequest and checkCode
 */
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { ServiceFailure } from '../../core/failures.ts'
import type { PhoneNumber } from '../../core/phone-number.ts'
import { requestIdPattern } from '../../core/state.ts'
import type { Correlation } from '../../core/trace-context.ts'
import { type AuthUrlPolicy, isAllowedAuthUrl } from '../auth-url.ts'
import {
  codeRefusal,
  codeWithoutAnswer,
  parse,
  parseReason,
  refusal,
  startWithoutAnswer,
  traceHeaders,
} from '../judging.ts'
import type { Outcome } from '../route.ts'
import type { Answer, Request } from '../transport.ts'

const StartAnswer = TypeCompiler.Compile(
  Type.Object({
    request_id: Type.String({ pattern: requestIdPattern }),
    check_url: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  }),
)
const CheckAnswer = TypeCompiler.Compile(Type.Object({ status: Type.Literal('completed') }))
const InvalidParameters = TypeCompiler.Compile(
  Type.Object({ invalid_parameters: Type.Array(Type.Object({ name: Type.String() })) }),
)
/** `to`, wherever in the workflow it stands. */
const aboutNumber = /(?:^|[^a-z])to$/i

/** What Vonage has begun. */
export interface Begun {
  requestId: string
  /** Exactly as Vonage sent it. */
  checkUrl: string
}

export function startRequest(
  phoneNumber: PhoneNumber,
  brand: string,
  applicationJwt: string,
  correlation: Correlation,
): Request {
  const to = phoneNumber.reveal().slice(1)
  return jsonRequest(
    '/v2/verify',
    { brand, workflow: [{ channel: 'silent_auth', to }] },
    applicationJwt,
    correlation,
  )
}

/** @param requestId one that `judgeStart` let through */
export function checkRequest(
  requestId: string,
  code: string,
  applicationJwt: string,
  correlation: Correlation,
): Request {
  return jsonRequest(`/v2/verify/${requestId}`, { code }, applicationJwt, correlation)
}

function jsonRequest(path: string, body: object, applicationJwt: string, correlation: Correlation): Request {
  return {
    method: 'POST',
    path,
    headers: {
      authorization: `Bearer ${applicationJwt}`,
      'content-type': 'application/json',
      ...traceHeaders(correlation),
    },
    body: JSON.stringify(body),
  }
}

/** A verification of this number is under way in the account: of this caller or of another. */
export function isUnderWay(outcome: Outcome): boolean {
  return outcome.kind === 'answer' && outcome.status === 409
}

/**
 * @throws network_not_supported for a network without silent authentication (412, or no `check_url`) and for a 422 about the number
 * @throws upstream_refused also for any other 422, which is about our settings
 * @throws upstream_invalid, upstream_unavailable, upstream_busy, upstream_timeout
 */
export function judgeStart(outcome: Outcome, policy: AuthUrlPolicy, nowMs: number): Begun {
  if (outcome.kind !== 'answer') throw startWithoutAnswer(outcome)
  if (outcome.status === 412) throw new ServiceFailure('network_not_supported', { note: 'status 412' })
  if (outcome.status === 422) throw invalidParameters(outcome)
  if (outcome.status !== 202) throw refusal(outcome, nowMs)
  const { request_id: requestId, check_url: checkUrl } = parse(outcome, StartAnswer)
  if (!checkUrl) throw new ServiceFailure('network_not_supported', { note: 'no check_url' })
  if (!isAllowedAuthUrl(checkUrl, policy))
    throw new ServiceFailure('upstream_invalid', { note: 'a check_url that may not be handed out' })
  return { requestId, checkUrl }
}

function invalidParameters(answer: Answer): ServiceFailure {
  const names = parseReason(answer, InvalidParameters)?.invalid_parameters ?? []
  const code = names.some(({ name }) => aboutNumber.test(name)) ? 'network_not_supported' : 'upstream_refused'
  return new ServiceFailure(code, { note: 'status 422' })
}

/** The verification is over, or this code is not its own. A silent code has one try. */
const rejected: ReadonlySet<number> = new Set([400, 404, 409, 410, 422])

/**
 * Returns when the code was right; Verify has no other result.
 * @throws code_rejected; outcome_unknown when no answer came and the code may be spent
 * @throws upstream_unavailable, upstream_busy when nobody looked at it
 * @throws upstream_invalid, upstream_refused
 */
export function judgeCheck(outcome: Outcome, nowMs: number): void {
  if (outcome.kind !== 'answer') throw codeWithoutAnswer(outcome)
  if (rejected.has(outcome.status))
    throw new ServiceFailure('code_rejected', { note: `status ${outcome.status}` })
  if (outcome.status !== 200) throw codeRefusal(outcome, nowMs)
  parse(outcome, CheckAnswer)
}
