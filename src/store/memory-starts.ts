/** The starts under way of one process, for a minute each, so that a repeated one gets the same answer. */
import type { PhoneNumber } from '../core/phone-number.ts'
import { type Clock, type StartsUnderWay, type StartUnderWay, startUnderWaySeconds } from '../core/ports.ts'
import { createGenerations } from './generations.ts'

const ttlMs = startUnderWaySeconds * 1000

export function createMemoryStarts({ clock }: { clock: Clock }): StartsUnderWay {
  type Entry = StartUnderWay & { expiresAtMs: number }
  const generations = createGenerations<Map<string, Entry>>({ ttlMs, clock, create: () => new Map() })
  const keyOf = (subject: string, phoneNumber: PhoneNumber) => `${phoneNumber.reveal()} ${subject}`

  return {
    async keep(subject, phoneNumber, start) {
      const expiresAtMs = clock.monotonicMs() + ttlMs
      generations.newest().set(keyOf(subject, phoneNumber), { ...start, expiresAtMs })
    },
    async find(subject, phoneNumber) {
      const key = keyOf(subject, phoneNumber)
      const entries = [...generations.live()].flatMap((entries) => entries.get(key) ?? [])
      return entries.findLast(({ expiresAtMs }) => expiresAtMs > clock.monotonicMs())
    },
    async drop(subject, phoneNumber) {
      for (const entries of generations.live()) entries.delete(keyOf(subject, phoneNumber))
    },
  }
}
