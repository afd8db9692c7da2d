/**
 * The verifications of Vonage Verify v2: their steps, codes and attempts, and the messages that reach phones.
 * In memory; time is passed in and moves nothing by itself: what is due happens when somebody looks.
 */

import { randomInt, randomUUID } from 'node:crypto'
import type { VerifyNumberRow } from './numbers.ts'
import type { StartRequest, WorkflowStep } from './start-request.ts'

/** Whatever `channel_timeout` says (Vonage Verify v2 API reference). */
const silentStepMs = 60_000
/** A cancellation is taken from this age on (Vonage Verify v2 API reference). */
const cancellableAfterMs = 30_000
/** How many codes a step takes. */
const attempts = { silent_auth: 1, sms: 3 }
/** At so many the oldest verification or message is forgotten. */
const maxEntries = 10_000

export interface Verification {
  requestId: string
  request: StartRequest
  row: VerifyNumberRow
  startedAtMs: number
  step: WorkflowStep
  stepEndsAtMs: number
  /** What completes this step. */
  code: string
  attemptsLeft: number
  /** `ended`: expired, completed or cancelled; `spent`: wrong too often. */
  phase: 'running' | 'ended' | 'spent'
}

/** An SMS as the phone shows it. */
export interface Message {
  /** E.164 with the plus sign. */
  to: string
  text: string
  code: string
  /** Epoch milliseconds. */
  arrivesAtMs: number
}

export interface Verifications {
  /** `undefined` when a verification of the first step's number is under way. */
  begin(request: StartRequest, row: VerifyNumberRow): Verification | undefined
  /** As it stands now; over or not. */
  find(requestId: string): Verification | undefined
  /** Spends an attempt when the code is wrong. */
  check(verification: Verification, code: string): 'completed' | 'wrong' | 'spent'
  /** `false` when there is no further step. */
  moveOn(verification: Verification): boolean
  /** `false` when it is too early, or past the first step. */
  cancel(verification: Verification): boolean
  /** What has reached this number (E.164 with the plus sign), oldest first. */
  messages(phoneNumber: string): readonly Message[]
}

export function createVerifications(now: () => number): Verifications {
  const verifications = new Map<string, Verification>()
  /** The last one of each number. */
  const byNumber = new Map<string, Verification>()
  const messages = new Set<Message>()

  function enter(verification: Verification, step: WorkflowStep, atMs: number): void {
    const { request, row } = verification
    const isSilent = step.channel === 'silent_auth'
    verification.step = step
    verification.stepEndsAtMs = atMs + (isSilent ? silentStepMs : request.channelTimeoutMs)
    verification.code = isSilent ? silentCode() : digits(request.codeLength)
    verification.attemptsLeft = attempts[step.channel]
    if (!isSilent) deliver(verification, row, atMs)
  }

  function deliver({ request, step, code }: Verification, { outcome }: VerifyNumberRow, atMs: number): void {
    const fault = outcome.kind === 'message' ? outcome : { delayMs: 0, wrongCode: false }
    const shown = fault.wrongCode ? code.replace(/\d/g, (digit) => String((Number(digit) + 1) % 10)) : code
    const text = `Your ${request.brand} code is: ${shown}`
    messages.add({ to: `+${step.to}`, text, code: shown, arrivesAtMs: atMs + fault.delayMs })
    dropOldest(messages)
  }

  function next({ request, step }: Verification): WorkflowStep | undefined {
    return request.steps[request.steps.indexOf(step) + 1]
  }

  /** Does what became due since somebody looked last: Vonage goes on to the next step by itself. */
  function settle(verification: Verification): Verification {
    while (verification.phase === 'running' && verification.stepEndsAtMs <= now()) {
      const step = next(verification)
      if (step) enter(verification, step, verification.stepEndsAtMs)
      else verification.phase = 'ended'
    }
    return verification
  }

  return {
    begin(request, row) {
      const [step] = request.steps
      const other = byNumber.get(step.to)
      if (other && settle(other).phase === 'running') return undefined
      const requestId = randomUUID()
      const began = { requestId, request, row, startedAtMs: now(), step, stepEndsAtMs: 0, code: '' }
      const verification: Verification = { ...began, attemptsLeft: 0, phase: 'running' }
      enter(verification, step, now())
      verifications.set(requestId, verification)
      byNumber.set(step.to, verification)
      dropOldest(verifications)
      dropOldest(byNumber)
      return verification
    },
    find(requestId) {
      const verification = verifications.get(requestId)
      return verification && settle(verification)
    },
    check(verification, code) {
      if (code === verification.code) {
        verification.phase = 'ended'
        return 'completed'
      }
      verification.attemptsLeft -= 1
      if (verification.attemptsLeft > 0) return 'wrong'
      verification.phase = 'spent'
      return 'spent'
    },
    moveOn(verification) {
      const step = next(verification)
      if (step) enter(verification, step, now())
      return step !== undefined
    },
    cancel(verification) {
      const { step, request, startedAtMs } = verification
      if (step !== request.steps[0] || now() < startedAtMs + cancellableAfterMs) return false
      verification.phase = 'ended'
      return true
    },
    messages(phoneNumber) {
      for (const verification of verifications.values()) settle(verification)
      return [...messages].filter(({ to, arrivesAtMs }) => to === phoneNumber && arrivesAtMs <= now())
    },
  }
}

function dropOldest(entries: Map<string, unknown> | Set<Message>): void {
  if (entries.size > maxEntries) (entries as Map<unknown, unknown>).delete(entries.keys().next().value)
}

function digits(length: number): string {
  return Array.from({ length }, () => randomInt(10)).join('')
}

/** Six letters and digits, such as `si9sfG`. */
function silentCode(): string {
  const alphabet = 'abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
  return Array.from({ length: 6 }, () => alphabet[randomInt(alphabet.length)]).join('')
}
