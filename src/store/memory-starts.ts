/** The starts under way of one process, so that a repeated one gets the same answer. */
import type { PhoneNumber } from '../core/phone-number.ts'
import {
  type Clock,
  type KindUnderWay,
  messageUnderWaySeconds,
  type StartsUnderWay,
  type StartUnderWay,
} from '../core/ports.ts'
import { createGenerations } from './generations.ts'

/** None lives longer. */
const ttlMs = messageUnderWaySeconds * 1000

export function createMemoryStarts({ clock }: { clock: Clock }): StartsUnderWay {
  type Entry = StartUnderWay & { expiresAtMs: number }
  const generations = createGenerations<Map<string, Entry>>({ ttlMs, clock, create: () => new Map() })
  const keyOf = (kind: KindUnderWay, subject: string, phoneNumber: PhoneNumber) =>
    `${kind} ${phoneNumber.reveal()} ${subject}`

  return {
    async keep(kind, subject, phoneNumber, start, lifetimeSeconds) {
      const expiresAtMs = clock.monotonicMs() + lifetimeSeconds * 1000
      generations.newest().set(keyOf(kind, subject, phoneNumber), { ...start, expiresAtMs })
    },
    async find(kind, subject, phoneNumber) {
      const key = keyOf(kind, subject, phoneNumber)
      const entries = [...generations.live()].flatMap((entries) => entries.get(key) ?? [])
      return entries.findLast(({ expiresAtMs }) => expiresAtMs > clock.monotonicMs())
    },
    async drop(kind, subject, phoneNumber) {
      for (const entries of generations.live()) entries.delete(keyOf(kind, subject, phoneNumber))
    },
  }
}
