/**
 * What the core needs from the outside, in the core's own words. The adapters implement these; `compose.ts` connects them.
 * Every method rejects with a `ServiceFailure` and nothing else.
 */
import type { PhoneNumber } from './phone-number.ts'
import type { Soon } from './soon.ts'
import type { Correlation } from './trace-context.ts'

/** The app user who sent the request, as the identity provider's access token names it. */
export interface Caller {
  /** Who it is, unique among all: the token's `sub` where one issuer is trusted, issuer and `sub` together where several are. */
  readonly subject: string
  /** The token's `sub` as it is. */
  readonly sub: string
  /** The client that the token was issued to. Absent when the token names none. */
  readonly clientId?: string
  /** A keyed digest of the subject: the name under which limits count it and the log shows it. */
  readonly pseudonym: string
  /** The number that the token itself carries. Absent when the token has none, or no claim is configured. */
  readonly phoneNumber?: string
}

/** What is kept between start and finish. */
export interface PendingVerification {
  readonly phoneNumber: PhoneNumber
  readonly scope: string
  /** The operator's own name of it, where it gave one. */
  readonly requestId?: string
}

/** A verification that was handed out: nobody else has it. */
export interface Taken extends PendingVerification {
  /**
   * Gives it back to its subject, with what is left of its time: as the subject's oldest, so not when that has started too many since.
   * @returns whether it can be taken again
   * @throws store_unavailable
   */
  putBack(): Promise<boolean>
  /** It ends without a result: who asks for the result no longer waits for it. Nobody waits for this. */
  drop(): void
}

/** What became of a verification: `verified` is about this number and no other. */
export interface Result {
  /** Absent in a result that a version without numbers kept, which ends within a minute. */
  readonly phoneNumber?: PhoneNumber
  readonly verified: boolean
  /** Says the same to others. Absent where receipts are off, or where nothing is verified. */
  readonly receipt?: string
}

/** What a store keeps of a result. */
export interface KeptResult extends Result {
  readonly phoneNumber: PhoneNumber
}

/** How long a result can be asked for again. */
export const resultTtlSeconds = 60

export interface StateStore {
  /**
   * Keeps a verification for the store's TTL, or a shorter time. A subject over its own cap loses its oldest one.
   * @param state the state, or whatever else the device brings back with its code
   * @param lifetimeSeconds counts when it is shorter than the store's TTL
   * @throws overloaded when the store is full: live entries are never dropped for new ones
   * @throws store_unavailable
   */
  put(subject: string, state: string, pending: PendingVerification, lifetimeSeconds?: number): Promise<void>
  /**
   * Hands the verification out and forgets it, in one step: of any number of parallel calls at most one gets it.
   * @param code with which it is finished; without one nobody waits for a result
   * @returns undefined when it is unknown, expired, already taken, or another subject's
   * @throws store_unavailable, after which the verification counts as taken
   */
  take(subject: string, state: string, code?: string): Promise<Taken | undefined>
  /**
   * Keeps the result of a finished verification for `resultTtlSeconds`, for a phone that lost the answer.
   * @throws store_unavailable
   */
  keepResult(subject: string, state: string, code: string, result: KeptResult): Promise<void>
  /**
   * Waits for a result while the verification is taken with this state and code.
   * @returns undefined unless this subject finished with exactly this state and code, and not long ago
   * @throws store_unavailable
   */
  findResult(subject: string, state: string, code: string): Promise<Result | undefined>
  /** @throws store_unavailable */
  ping(): Promise<void>
}

/**
 * Devices that got their URL and have not come back yet: known only to count those that never do, which decides nothing.
 * No method rejects, and nobody waits for them but who wants the count.
 */
export interface Landings {
  /** A URL with this state went out. */
  expect(state: string): void
  /** The device came back. A state that nobody expects is nothing. */
  land(state: string): void
  /** Counts those whose time is over, once, among all replicas. */
  countExpired(): Promise<void>
}

/** How long the operator refuses a second verification of a number, and how long it holds the first one open for the device. */
export const startUnderWaySeconds = 60

/** The same where a message follows, which the user may take longer to type. */
export const messageUnderWaySeconds = startUnderWaySeconds + 300

/** A verification that the operator would not begin a second time for its number. */
export interface StartUnderWay {
  readonly requestId: string
  /** Absent where there is none to open. */
  readonly authUrl?: string
}

/** `silent`: the device may open its URL. `message`: its next step is a message, or was. */
export type KindUnderWay = 'silent' | 'message'

/** What a caller has begun for a number, so that a repeated start gets the same answer, and a message belongs to the same verification. */
export interface StartsUnderWay {
  /** @throws store_unavailable */
  keep(
    kind: KindUnderWay,
    subject: string,
    phoneNumber: PhoneNumber,
    start: StartUnderWay,
    lifetimeSeconds: number,
  ): Promise<void>
  /** @throws store_unavailable */
  find(kind: KindUnderWay, subject: string, phoneNumber: PhoneNumber): Promise<StartUnderWay | undefined>
  /** @throws store_unavailable */
  drop(kind: KindUnderWay, subject: string, phoneNumber: PhoneNumber): Promise<void>
}

export interface AuthUrlRequest {
  /** Of the caller. */
  readonly subject: string
  readonly phoneNumber: PhoneNumber
  readonly scope: string
  /** For an operator that lets us name the verification. */
  readonly state: string
  /** Counts a message that may follow. Asked by an operator that would send it by itself, which it must not when there were too many. */
  readonly mayMessage: () => Soon<boolean>
}

/** Keeps what has begun under the name that the device brings back with its code; called once, as soon as that name is known. */
export type Keep = (begun: {
  reference: string
  requestId?: string
  lifetimeSeconds?: number
}) => Promise<void>

/** A code that a device brought back. */
interface CodeAttempt {
  /** Of the caller. */
  readonly subject: string
  readonly code: string
  readonly pending: PendingVerification
  /** By a user, from a message: a wrong one may be followed by another. */
  readonly typed?: true
}

export interface AuthUrl {
  /** Opaque and exactly as the operator sent it. */
  readonly authUrl: string
  readonly requiresCarrierNetwork: boolean
}

/** The network side: Vonage and the carriers behind it. */
export interface NetworkOperator {
  /**
   * @param keep called for what begins here, and not for a URL that was there already
   * @param correlation sent along
   * @param work ends the call early when it is aborted, for a caller whose own work is already lost; aborted at the deadline
   * @throws network_not_supported, upstream_invalid, upstream_refused, upstream_unavailable, upstream_busy, upstream_timeout
   * @throws verification_in_progress when the number has one that is not this caller's
   */
  requestAuthUrl(
    request: AuthUrlRequest,
    keep: Keep,
    correlation: Correlation,
    work: AbortController,
  ): Promise<AuthUrl>
  /**
   * Spends the code, and asks whether the device that got it has this number. Tried once, whatever happens.
   * @throws upstream_unavailable, upstream_busy when the code was surely not spent, and only then
   * @throws code_rejected, not_on_carrier_network, network_not_supported, outcome_unknown when it may be spent without an answer
   * @throws wrong_code for a typed one
   * @throws upstream_invalid, upstream_refused
   */
  checkCode(attempt: CodeAttempt, correlation: Correlation): Promise<boolean>
}

/** That this caller has this number, and how that was found out. */
export interface Verified {
  readonly caller: Caller
  readonly phoneNumber: PhoneNumber
  readonly method: 'network' | 'sms'
}

export interface ReceiptSigner {
  /**
   * A signed statement for the backends of the company, which they check by our public keys. It is a secret of its caller.
   * @returns undefined when it could not be made, which is counted: the result is true without it
   */
  sign(verified: Verified): Promise<string | undefined>
}

/** Time, injected so that tests move it. */
export interface Clock {
  /** Milliseconds that never jump, for ages and deadlines. The origin means nothing. */
  monotonicMs(): number
  /** Epoch milliseconds, for what leaves the process. */
  wallMs(): number
}
