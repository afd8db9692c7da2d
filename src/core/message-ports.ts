/** What the fallback by text message needs from the outside, in the core's own words. Like `ports.ts`. */
import type { PhoneNumber } from './phone-number.ts'
import type { PendingVerification } from './ports.ts'
import type { Soon } from './soon.ts'
import type { Correlation } from './trace-context.ts'

/** Sends codes as text messages. */
export interface CodeSender {
  /**
   * Moves a verification on that this caller has under way for this number, or begins one. Goes on when its caller leaves.
   * @param admit counts a message that begins here, and throws when there were too many; one that a start let follow is counted already
   * @returns the operator's name of the verification
   * @throws network_not_supported, verification_in_progress
   * @throws upstream_invalid, upstream_refused, upstream_unavailable, upstream_busy, upstream_timeout
   */
  sendCode(
    request: { subject: string; phoneNumber: PhoneNumber },
    admit: () => Soon<void>,
    correlation: Correlation,
  ): Promise<{ requestId: string }>
}

/** Of what the user typed. */
export const guessesPerCode = 3

/** A repeated request sends no message for so long. */
export const claimSeconds = 30

/** One guess that was counted. */
interface Guess {
  readonly pending: PendingVerification
  /** Guesses after this one. Negative: this was one too many. */
  readonly left: number
}

/** Verifications whose code a user types, from a message. */
export interface TypedCodes {
  /** Of each; whole seconds. */
  readonly lifetimeSeconds: number
  /**
   * Lets one message leave for a caller and a number in half a minute.
   * @returns the state of that message: this one, or that of the request before
   * @throws store_unavailable
   */
  claim(subject: string, phoneNumber: PhoneNumber, state: string): Promise<string>
  /** Nothing was sent after all. @throws store_unavailable */
  unclaim(subject: string, phoneNumber: PhoneNumber): Promise<void>
  /** @throws store_unavailable */
  put(subject: string, state: string, pending: PendingVerification): Promise<void>
  /**
   * Counts a guess before it is looked at, in one step: of any number of parallel ones at most three have `left` of 0 or more.
   * The time that is left stays as it is.
   * @returns undefined when the state is unknown, expired, ended, or another subject's
   * @throws store_unavailable
   */
  guess(subject: string, state: string): Promise<Guess | undefined>
  /** Nobody looked at the guess. @throws store_unavailable */
  takeBack(subject: string, state: string): Promise<void>
  /** The right code has come. @throws store_unavailable */
  end(subject: string, state: string): Promise<void>
}
