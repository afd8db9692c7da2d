/**
 * What an app does on `use_fallback` when the service offers SMS: asks for one, waits for it, types its code.
 * Called by the phone page. Time is passed in.
 */

import { type PhoneOutcome, readOutcome } from './answers.ts'
import type { Sleep } from './context.ts'
import type { Phone, Step } from './phone.ts'
import type { Message } from './verify-v2/verifications.ts'

/** A little more than the documented late SMS takes. */
const patienceMs = 25_000
const lookEveryMs = 500
/** As many guesses as the service takes. */
const maxGuesses = 3

interface Fallback {
  phone: Phone
  subject: string
  phoneNumber: string
  messages: (phoneNumber: string) => readonly Message[]
  sleep: Sleep
  signal: AbortSignal
  onStep: (step: Step) => void
  /** Called with the message when it comes. */
  onSms: (message: Message) => void
}

/** @returns how it ended; `undefined` when the service sends no SMS, or none came within 25 s */
export async function finishBySms(fallback: Fallback): Promise<PhoneOutcome | undefined> {
  const { phone, subject, phoneNumber, onStep } = fallback
  const seen = fallback.messages(phoneNumber).length
  const accessToken = await phone.signIn(subject, onStep)
  const requested = await phone.requestSms(accessToken, phoneNumber, onStep)
  const { state } = (requested.body ?? {}) as Record<string, unknown>
  if (requested.status !== 200 || typeof state !== 'string') return undefined
  const message = await waitForMessage(fallback, seen)
  if (!message) return undefined
  fallback.onSms(message)
  for (let guess = 1; ; guess += 1) {
    const outcome = readOutcome(await phone.typeCode(accessToken, { code: message.code, state }, onStep))
    if (!('code' in outcome) || outcome.code !== 'wrong_code' || guess === maxGuesses) return outcome
  }
}

async function waitForMessage({ messages, phoneNumber, sleep, signal }: Fallback, seen: number) {
  for (let waitedMs = 0; waitedMs <= patienceMs; waitedMs += lookEveryMs) {
    const message = messages(phoneNumber)[seen]
    if (message) return message
    await sleep(lookEveryMs, signal)
  }
  return undefined
}
