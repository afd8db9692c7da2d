/**
 * The fallback: a code by text message, which the user types. Plain decisions over the ports, like `verification.ts`. A message costs
 * money, so a repeated request sends none, and what limits messages is asked last.
 */
import type { EventSink } from './events.ts'
import { leavesCodeUnspent, ServiceFailure } from './failures.ts'
import type { CodeSender, TypedCodes } from './message-ports.ts'
import type { PhoneNumber } from './phone-number.ts'
import type { Caller, NetworkOperator } from './ports.ts'
import type { Soon } from './soon.ts'
import { mintState } from './state.ts'
import type { Correlation } from './trace-context.ts'

export interface SmsVerificationOptions {
  sender: CodeSender
  operator: Pick<NetworkOperator, 'checkCode'>
  codes: TypedCodes
  events: EventSink
  /** Digits of a code. */
  codeLength: number
}

/** What the app needs to know of a message that is on its way. */
export interface SentCode {
  readonly state: string
  readonly codeLength: number
  /** Seconds. */
  readonly expiresIn: number
}

export interface SmsVerification {
  /**
   * Sends a code, unless this caller has asked for one to this number within half a minute: the same state then.
   * @param admit is asked before a message is sent, and throws when there were too many
   * @throws network_not_supported, verification_in_progress, and whatever `CodeSender.sendCode` and `TypedCodes` throw
   */
  send(
    caller: Caller,
    phoneNumber: PhoneNumber,
    admit: () => Soon<void>,
    correlation: Correlation,
  ): Promise<SentCode>
  /**
   * Checks what the user typed. Three guesses in all; the state stays good between them.
   * @returns the number that is verified; undefined for a state that is none of this caller's messages
   * @throws wrong_code when there is another guess, code_rejected when there is none
   */
  check(
    caller: Caller,
    code: string,
    state: string,
    correlation: Correlation,
  ): Promise<PhoneNumber | undefined>
  /** Whether a code may be one of a message, for an operator that goes on from device to message by itself. */
  mayBeTyped(code: string): boolean
  /** After the result is kept: the state is good no more, and another message may leave. Never rejects. */
  end(caller: Caller, phoneNumber: PhoneNumber, state: string): Promise<void>
}

export function createSmsVerification(options: SmsVerificationOptions): SmsVerification {
  const { sender, operator, codes, events, codeLength } = options
  /** The sendings that run right now here, by caller and number. */
  const sending = new Map<string, Promise<string>>()

  /** @returns the state that counts, after its message is on its way */
  async function sendOnce(
    { subject }: Caller,
    phoneNumber: PhoneNumber,
    admit: () => Soon<void>,
    correlation: Correlation,
  ): Promise<string> {
    const state = mintState()
    const claimed = await codes.claim(subject, phoneNumber, state)
    if (claimed !== state) return claimed
    try {
      const { requestId } = await sender.sendCode({ subject, phoneNumber }, admit, correlation)
      await codes.put(subject, state, { phoneNumber, scope: '', requestId })
      events({ name: 'sms.sent', callingCode: phoneNumber.callingCode })
      return state
    } catch (failure) {
      await codes.unclaim(subject, phoneNumber).catch(() => undefined)
      throw failure
    }
  }

  return {
    async send(caller, phoneNumber, admit, correlation) {
      if (phoneNumber.isVirtual)
        throw new ServiceFailure('network_not_supported', { note: 'a virtual number gets no message' })
      const key = `${phoneNumber.reveal()} ${caller.subject}`
      let underWay = sending.get(key)
      if (!underWay) {
        underWay = sendOnce(caller, phoneNumber, admit, correlation).finally(() => sending.delete(key))
        sending.set(key, underWay)
      }
      return { state: await underWay, codeLength, expiresIn: codes.lifetimeSeconds }
    },

    async check({ subject }, code, state, correlation) {
      const guess = await codes.guess(subject, state)
      if (!guess) return undefined
      const { pending, left } = guess
      const { phoneNumber } = pending
      if (left < 0) throw new ServiceFailure('code_rejected', { note: 'too many guesses' })
      await operator
        .checkCode({ subject, code, pending, typed: true }, correlation)
        .catch((failure: unknown) => judgeGuess(failure))
      events({ name: 'sms.completed', callingCode: phoneNumber.callingCode })
      return phoneNumber

      async function judgeGuess(failure: unknown): Promise<never> {
        const reason = failure instanceof ServiceFailure ? failure.code : undefined
        if (leavesCodeUnspent(failure)) await codes.takeBack(subject, state).catch(() => undefined)
        if (reason === 'wrong_code') events({ name: 'sms.wrong', callingCode: phoneNumber.callingCode })
        const wasLast = reason === 'wrong_code' && left === 0
        // Starting again must not lead back to this state.
        if (wasLast || reason === 'code_rejected')
          await codes.unclaim(subject, phoneNumber).catch(() => undefined)
        throw wasLast ? new ServiceFailure('code_rejected', { note: 'the last guess' }) : failure
      }
    },

    mayBeTyped: (code) => code.length === codeLength && /^\d+$/.test(code),

    async end({ subject }, phoneNumber, state) {
      await Promise.all([codes.end(subject, state), codes.unclaim(subject, phoneNumber)]).catch(
        () => undefined,
      )
    },
  }
}
