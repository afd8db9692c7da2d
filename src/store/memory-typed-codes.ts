/** The codes by text message of one process: who may guess how often, and what was sent a moment ago. */

import { claimSeconds, guessesPerCode, type TypedCodes } from '../core/message-ports.ts'
import type { PhoneNumber } from '../core/phone-number.ts'
import type { Clock, PendingVerification } from '../core/ports.ts'
import { createGenerations } from './generations.ts'

export interface MemoryTypedCodesOptions {
  /** Whole seconds that a code lives. */
  lifetimeSeconds: number
  clock: Clock
}

export function createMemoryTypedCodes({ lifetimeSeconds, clock }: MemoryTypedCodesOptions): TypedCodes {
  interface Entry {
    pending: PendingVerification
    guesses: number
    expiresAtMs: number
  }
  interface Claim {
    state: string
    expiresAtMs: number
  }
  const ttlMs = lifetimeSeconds * 1000
  const claimMs = claimSeconds * 1000
  const codes = createGenerations<Map<string, Entry>>({ ttlMs, clock, create: () => new Map() })
  const claims = createGenerations<Map<string, Claim>>({ ttlMs: claimMs, clock, create: () => new Map() })
  const keyOf = (subject: string, state: string) => `${state} ${subject}`
  const claimKeyOf = (subject: string, phoneNumber: PhoneNumber) => `${phoneNumber.reveal()} ${subject}`

  function live<T extends { expiresAtMs: number }>(
    maps: Iterable<Map<string, T>>,
    key: string,
  ): T | undefined {
    for (const map of maps) {
      const entry = map.get(key)
      if (entry && entry.expiresAtMs > clock.monotonicMs()) return entry
    }
    return undefined
  }

  return {
    lifetimeSeconds,

    async claim(subject, phoneNumber, state) {
      const key = claimKeyOf(subject, phoneNumber)
      const before = live(claims.live(), key)
      if (before) return before.state
      claims.newest().set(key, { state, expiresAtMs: clock.monotonicMs() + claimMs })
      return state
    },

    async unclaim(subject, phoneNumber) {
      for (const map of claims.live()) map.delete(claimKeyOf(subject, phoneNumber))
    },

    async put(subject, state, pending) {
      const expiresAtMs = clock.monotonicMs() + ttlMs
      codes.newest().set(keyOf(subject, state), { pending, guesses: 0, expiresAtMs })
    },

    async guess(subject, state) {
      const entry = live(codes.live(), keyOf(subject, state))
      if (!entry) return undefined
      entry.guesses += 1
      return { pending: entry.pending, left: guessesPerCode - entry.guesses }
    },

    async takeBack(subject, state) {
      const entry = live(codes.live(), keyOf(subject, state))
      if (entry) entry.guesses -= 1
    },

    async end(subject, state) {
      for (const map of codes.live()) map.delete(keyOf(subject, state))
    },
  }
}
