/**
 * What every call to Vonage has in common on the wire: the trace that goes along, and the meaning of answers that no operation gives a
 * meaning of its own. Pure: no I/O, no clock. Answers are judged by status and structure, never by searching text, and nothing of
 * Vonage's wording leaves here.
 */
import type { Static, TSchema } from '@sinclair/typebox'
import type { TypeCheck } from '@sinclair/typebox/compiler'
import { ServiceFailure } from '../core/failures.ts'
import type { Correlation } from '../core/trace-context.ts'
import { parseRetryAfter } from './retry-after.ts'
import type { Busy } from './route.ts'
import type { Answer, NoAnswer } from './transport.ts'

/** A caller's own trace goes on at Vonage. */
export function traceHeaders({ traceparent }: Correlation): Record<string, string> {
  return traceparent === undefined ? {} : { traceparent }
}

/** @throws upstream_invalid when the body is not JSON or does not fit */
export function parse<T extends TSchema>(answer: Answer, schema: TypeCheck<T>): Static<T> {
  let value: unknown
  try {
    // A byte order mark is no part of the text (RFC 8259 section 8.1).
    value = JSON.parse(answer.text.replace(/^\uFEFF/, ''))
  } catch {
    throw new ServiceFailure('upstream_invalid', { note: 'the answer is not JSON' })
  }
  if (!schema.Check(value))
    throw new ServiceFailure('upstream_invalid', { note: 'the answer does not fit its schema' })
  return value
}

/** What says why a call was refused, if anything does. @returns undefined for what does not fit */
export function parseReason<T extends TSchema>(answer: Answer, schema: TypeCheck<T>): Static<T> | undefined {
  try {
    return parse(answer, schema)
  } catch {
    return undefined
  }
}

/** The meaning of a start that got no answer. */
export function startWithoutAnswer(outcome: NoAnswer | Busy): ServiceFailure {
  if (outcome.kind === 'busy') return refusedHere(outcome)
  const { kind, cause } = outcome
  switch (kind) {
    case 'unreachable':
      return new ServiceFailure('upstream_unavailable', { cause })
    case 'timeout':
      return new ServiceFailure('upstream_timeout', { cause })
    case 'cancelled':
      return new ServiceFailure('upstream_timeout', { note: 'the caller left' })
    case 'broken':
      return new ServiceFailure('upstream_invalid', { cause })
  }
}

/** The meaning of a code that was handed over, or was to be, and got no answer. */
export function codeWithoutAnswer(outcome: NoAnswer | Busy): ServiceFailure {
  if (outcome.kind === 'busy') return refusedHere(outcome)
  const { kind, cause } = outcome
  return new ServiceFailure(kind === 'unreachable' ? 'upstream_unavailable' : 'outcome_unknown', { cause })
}

export function refusedHere({ note, retryAfterSeconds }: Busy): ServiceFailure {
  return new ServiceFailure('upstream_busy', { note, retryAfterSeconds })
}

/** The meaning of a status that no operation gives a meaning of its own. */
export function refusal({ status, headers }: Answer, nowMs: number): ServiceFailure {
  const note = `status ${status}`
  const retryAfter = headers['retry-after']
  if (status === 401 || status === 402 || status === 403)
    return new ServiceFailure('upstream_refused', { note })
  if (status === 429 || (status === 503 && retryAfter !== undefined))
    return new ServiceFailure('upstream_busy', {
      note,
      retryAfterSeconds: parseRetryAfter(retryAfter, nowMs),
    })
  return new ServiceFailure('upstream_invalid', { note })
}

/** The same for a call that handed a code over: only a 429 says that nobody looked at it. */
export function codeRefusal(answer: Answer, nowMs: number): ServiceFailure {
  const failure = refusal(answer, nowMs)
  return answer.status === 429 ? failure : asSpent(failure)
}

/** Once the code may be spent, only a new verification helps. */
export function asSpent(failure: ServiceFailure): ServiceFailure {
  const { code, note } = failure
  return code === 'upstream_busy' ? new ServiceFailure('outcome_unknown', { ...(note && { note }) }) : failure
}
