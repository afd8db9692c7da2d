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
const Reason = TypeCompiler.Compile(Type.Object({ type: Type.String() }))
const InvalidParameters = TypeCompiler.Compile(
  Type.Object({ invalid_parameters: Type.Array(Type.Object({ name: Type.String() })) }),
)
/** `to`, wherever in the workflow it stands. */
const aboutNumber = /(?:^|[^a-z])to$/i

/** What Vonage has begun. */
export interface Begun {
  requestId: string
  /** Exactly as Vonage sent it. Absent when the first step is a message, which is then on its way. */
  checkUrl?: string
}

/** How messages are to be. */
export interface MessageForm {
  codeLength: number
  /** Such as `en-us`. */
  locale: string
  /** Undefined: Vonage chooses. */
  sender: string | undefined
}

/** @param message the step after the silent one; undefined: there is none */
export function startRequest(
  phoneNumber: PhoneNumber,
  brand: string,
  message: MessageForm | undefined,
  applicationJwt: string,
  correlation: Correlation,
): Request {
  const silent = { channel: 'silent_auth', to: digitsOf(phoneNumber) }
  const body = message
    ? { brand, workflow: [silent, messageStep(phoneNumber, message)], ...formOf(message) }
    : { brand, workflow: [silent] }
  return request('/v2/verify', JSON.stringify(body), applicationJwt, correlation)
}

export function messageRequest(
  phoneNumber: PhoneNumber,
  brand: string,
  message: MessageForm,
  applicationJwt: string,
  correlation: Correlation,
): Request {
  const body = { brand, workflow: [messageStep(phoneNumber, message)], ...formOf(message) }
  return request('/v2/verify', JSON.stringify(body), applicationJwt, correlation)
}

/** Vonage takes numbers without the plus sign. */
function digitsOf(phoneNumber: PhoneNumber): string {
  return phoneNumber.reveal().slice(1)
}

function messageStep(phoneNumber: PhoneNumber, { sender }: MessageForm): object {
  return { channel: 'sms', to: digitsOf(phoneNumber), ...(sender !== undefined && { from: sender }) }
}

function formOf({ codeLength, locale }: MessageForm): object {
  return { code_length: codeLength, locale }
}

/** @param requestId one that `judgeStart` let through */
export function checkRequest(
  requestId: string,
  code: string,
  applicationJwt: string,
  correlation: Correlation,
): Request {
  return request(`/v2/verify/${requestId}`, JSON.stringify({ code }), applicationJwt, correlation)
}

/** On to the message. @param requestId one that `judgeStart` let through */
export function nextRequest(requestId: string, applicationJwt: string, correlation: Correlation): Request {
  return request(`/v2/verify/${requestId}/next_workflow`, '', applicationJwt, correlation)
}

function request(path: string, body: string, applicationJwt: string, correlation: Correlation): Request {
  return {
    method: 'POST',
    path,
    headers: {
      authorization: `Bearer ${applicationJwt}`,
      // Some servers refuse an empty body that is said to be JSON.
      ...(body !== '' && { 'content-type': 'application/json' }),
      ...traceHeaders(correlation),
    },
    body,
  }
}

/** A verification of this number is under way in the account: of this caller or of another. */
export function isUnderWay(outcome: Outcome): boolean {
  return outcome.kind === 'answer' && outcome.status === 409
}

/**
 * @throws network_not_supported for a network without silent authentication (412) and for a 422 about the number
 * @throws upstream_refused also for any other 422, which is about our settings
 * @throws upstream_invalid, upstream_unavailable, upstream_busy, upstream_timeout
 */
export function judgeStart(outcome: Outcome, policy: AuthUrlPolicy, nowMs: number): Begun {
  if (outcome.kind !== 'answer') throw startWithoutAnswer(outcome)
  if (outcome.status === 412) throw new ServiceFailure('network_not_supported', { note: 'status 412' })
  if (outcome.status === 422) throw invalidParameters(outcome)
  if (outcome.status !== 202) throw refusal(outcome, nowMs)
  const { request_id: requestId, check_url: checkUrl } = parse(outcome, StartAnswer)
  if (!checkUrl) return { requestId }
  if (!isAllowedAuthUrl(checkUrl, policy))
    throw new ServiceFailure('upstream_invalid', { note: 'a check_url that may not be handed out' })
  return { requestId, checkUrl }
}

function invalidParameters(answer: Answer): ServiceFailure {
  const names = parseReason(answer, InvalidParameters)?.invalid_parameters ?? []
  const code = names.some(({ name }) => aboutNumber.test(name)) ? 'network_not_supported' : 'upstream_refused'
  return new ServiceFailure(code, { note: 'status 422' })
}

/** What asking for the next step brought. `again`: Vonage's own copies do not agree yet. */
export type Moved = 'moved' | 'moved before' | 'again' | 'ended'

/** @throws as for a start without a meaning of its own */
export function judgeNext(outcome: Outcome, nowMs: number): Moved {
  if (outcome.kind !== 'answer') throw startWithoutAnswer(outcome)
  if (outcome.status === 200) return 'moved'
  if (outcome.status === 404 || outcome.status === 410) return 'ended'
  if (outcome.status !== 409) throw refusal(outcome, nowMs)
  return parseReason(outcome, Reason)?.type.endsWith('#conflict') ? 'again' : 'moved before'
}

/** Nothing of the verification is left to go on to. */
export function isCompleted(outcome: Outcome): boolean {
  return outcome.kind === 'answer' && outcome.status === 200
}

/** The verification is over, or this code is not its own. A silent code has one try. */
const rejected: ReadonlySet<number> = new Set([400, 404, 409, 410, 422])
/** What a user typed was looked at, and is wrong, or is no possible code. */
const mistyped: ReadonlySet<number> = new Set([400, 422])

/**
 * Returns when the code was right; Verify has no other result.
 * @param typed by a user, who may try again
 * @throws wrong_code, code_rejected; outcome_unknown when no answer came and the code may be spent
 * @throws upstream_unavailable, upstream_busy when nobody looked at it
 * @throws upstream_invalid, upstream_refused
 */
export function judgeCheck(outcome: Outcome, typed: boolean, nowMs: number): void {
  if (outcome.kind !== 'answer') throw codeWithoutAnswer(outcome)
  const { status } = outcome
  if (typed && mistyped.has(status)) throw new ServiceFailure('wrong_code')
  if (rejected.has(status)) throw new ServiceFailure('code_rejected', { note: `status ${status}` })
  if (status !== 200) throw codeRefusal(outcome, nowMs)
  parse(outcome, CheckAnswer)
}
