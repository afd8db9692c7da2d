/**
 * What operators count, as a closed list. The core, the adapters and the HTTP edge say that something happened;
 * `observability/metrics.ts` alone decides what becomes of it. Every member is from a closed set: no number, name or URL.
 */
import type { FailureCode } from './failures.ts'

/** Error codes that a redirect may carry; any other counts as `server_error`. @see RFC 6749 section 4.1.2.1, CAMARA Security and Interoperability Profile */
export const oauthErrors = [
  'invalid_request',
  'unauthorized_client',
  'access_denied',
  'unsupported_response_type',
  'invalid_scope',
  'consent_required',
  'server_error',
  'temporarily_unavailable',
] as const
export type OauthError = (typeof oauthErrors)[number]

/** The calls to Vonage, by what they are for. */
export type UpstreamCall =
  | 'network_enablement'
  | 'token'
  | 'verify'
  | 'verify_v2'
  | 'verify_v2_check'
  | 'verify_v2_next'

/** The requests of one verification. */
export type Step = 'start' | 'landing' | 'finish' | 'sms'

/** A new event does not compile until `observability/metrics.ts` has a row for it. Times are in seconds. */
export type ServiceEvent =
  /** A start that may ask Vonage: number, scope and caller fit. `callingCode` has no plus sign. */
  | { name: 'verification.started'; callingCode: string }
  | { name: 'verification.url_issued'; callingCode: string }
  /** The redirect came back to us, with a code or an error. */
  | { name: 'verification.landed'; outcome: 'code' | OauthError }
  | { name: 'verification.finished'; callingCode: string; verified: boolean }
  /** The same finish asked again, and got the same result. */
  | { name: 'verification.repeated' }
  /** A message with a code left for a phone; its user typed the right code, or a wrong one. */
  | { name: 'sms.sent' | 'sms.completed' | 'sms.wrong'; callingCode: string }
  /** A step was answered with a problem, whoever refused it. */
  | { name: 'verification.failed'; step: Step; code: FailureCode }
  /** So many devices got their URL and never came back in time: the sign of phones on Wi-Fi. */
  | { name: 'verification.expired_without_landing'; count: number }
  | {
      name: 'upstream.called'
      call: UpstreamCall
      outcome: '2xx' | '3xx' | '4xx' | '5xx' | 'unreachable' | 'timeout' | 'cancelled' | 'broken'
      seconds: number
    }
  /** Not sent, by our own decision. */
  | { name: 'upstream.refused'; call: UpstreamCall; reason: 'quota' | 'in_flight' | 'circuit' }
  /** A start got its turn. */
  | { name: 'quota.waited'; seconds: number }
  | { name: 'rate_limit.refused'; limit: 'address' | 'caller' | 'number' | 'distinct-numbers' | 'sms' }
  /** A verified number got its receipt, or goes without. */
  | { name: 'receipt.signed'; outcome: 'issued' | 'failed' }
  /** Vonage took another private key than the one that was in use. */
  | { name: 'private_key.changed'; key: 'primary' | 'next' }
  /** `route` is the template, or `none`. */
  | { name: 'request.answered'; route: string; method: string; status: number; seconds: number }
  /** Bytes on the public port that were no request, or came too slowly to be one. */
  | { name: 'request.unreadable'; code: FailureCode }
  /** So many lines of the log that nobody took. */
  | { name: 'log.dropped'; count: number }

/** Never throws. */
export type EventSink = (event: ServiceEvent) => void
