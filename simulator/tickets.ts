/**
 * Unguessable, short-lived names for things kept on the server: wrapped states, device sessions, codes and tokens.
 * In memory, bounded; time is passed in.
 */

import { randomBytes } from 'node:crypto'

const maxEntries = 10_000

export interface Tickets<T> {
  issue(value: T): string
  /** The value, which stays. */
  read(ticket: string): T | undefined
  /** The value, which is gone afterwards. */
  take(ticket: string): T | undefined
}

export interface TicketsOptions {
  prefix?: string
  lifetimeMs: number
  /** Epoch milliseconds. */
  now: () => number
}

/** One kind of ticket, all of the same lifetime. At 10,000 tickets the oldest one goes. */
export function createTickets<T>({ prefix = '', lifetimeMs, now }: TicketsOptions): Tickets<T> {
  const entries = new Map<string, { value: T; expiresAtMs: number }>()

  function read(ticket: string): T | undefined {
    const entry = entries.get(ticket)
    return entry && entry.expiresAtMs > now() ? entry.value : undefined
  }

  return {
    issue(value) {
      if (entries.size >= maxEntries) entries.delete(entries.keys().next().value ?? '')
      const ticket = prefix + randomBytes(24).toString('base64url')
      entries.set(ticket, { value, expiresAtMs: now() + lifetimeMs })
      return ticket
    },
    read,
    take(ticket) {
      const value = read(ticket)
      entries.delete(ticket)
      return value
    },
  }
}
