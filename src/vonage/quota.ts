/**
 * The account's quota at Vonage: so many Network Enablement calls in every sliding second, for all replicas together.
 * Starts wait here in a short queue, first come, first served; who would wait too long is refused at once, with the time.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { EventSink } from '../core/events.ts'
import type { Clock } from '../core/ports.ts'
import { type Soon, whenThere } from '../core/soon.ts'

/** Calls leave evenly spaced, this much wider than the quota asks, so that jitter on the way cannot squeeze in one too many. */
const jitterMargin = 1.1
const maxWaiting = 64

/** Where permits come from. Neither method rejects. Spacing permits, instead of counting in windows, is what keeps the bound in every sliding second. */
export interface Permits {
  /** Takes one. @returns 0 when taken, else the milliseconds until it is worth asking again */
  take(): Soon<number>
  /** Gives none for so long, because Vonage said so. */
  pause(ms: number): Promise<void>
}

export interface PermitOptions {
  /** Calls in every sliding second. */
  perSecond: number
  clock: Clock
}

export function spacingMs(perSecond: number): number {
  return (1000 * jitterMargin) / perSecond
}

/** For one process. */
export function createLocalPermits({ perSecond, clock }: PermitOptions): Permits {
  const intervalMs = spacingMs(perSecond)
  let nextAtMs = Number.NEGATIVE_INFINITY
  return {
    take() {
      const nowMs = clock.monotonicMs()
      if (nowMs < nextAtMs) return nextAtMs - nowMs
      nextAtMs = nowMs + intervalMs
      return 0
    },
    async pause(ms) {
      nextAtMs = Math.max(nextAtMs, clock.monotonicMs() + ms)
    },
  }
}

export interface QuotaOptions extends PermitOptions {
  permits: Permits
  /** Who would wait longer is refused at once. */
  maxWaitMs: number
  events: EventSink
}

export interface Quota {
  /**
   * Waits for a permit.
   * @param signal gives the place in the queue back
   * @returns undefined when granted; else, refused, the seconds until it is worth trying again, at least 1
   */
  acquire(signal: AbortSignal): Soon<number | undefined>
  /** Grants nothing for so long. */
  pause(ms: number): Promise<void>
  /** How many wait now. */
  waiting(): number
}

export function createQuota({ permits, perSecond, maxWaitMs, clock, events }: QuotaOptions): Quota {
  const intervalMs = spacingMs(perSecond)
  const waiting = new Set<() => void>()
  let granting = false
  /** When the next permit is due, as far as is known here. */
  let nextAtMs = 0
  /** Between two permits that came here, smoothed: with other replicas it is longer than the quota's own spacing. */
  let observedMs = intervalMs
  let grantedAtMs = 0

  const expectedWaitMs = () => Math.max(0, nextAtMs - clock.monotonicMs()) + waiting.size * observedMs

  function take(): Soon<number> {
    return whenThere(permits.take(), (waitMs) => {
      const nowMs = clock.monotonicMs()
      nextAtMs = nowMs + (waitMs || intervalMs)
      if (waitMs > 0) return waitMs
      observedMs = Math.max(intervalMs, 0.8 * observedMs + 0.2 * (nowMs - grantedAtMs))
      grantedAtMs = nowMs
      return 0
    })
  }

  /** Until nobody waits. @param first what the first asking for a permit brought */
  async function grantInTurn(first: Soon<number>): Promise<void> {
    granting = true
    let waitMs = await first
    while (waiting.size > 0) {
      if (waitMs > 0) await sleep(waitMs, undefined, { ref: false })
      else waiting.values().next().value?.()
      if (waiting.size > 0) waitMs = await take()
    }
    granting = false
  }

  return {
    acquire(signal) {
      const waitMs = expectedWaitMs()
      if (waiting.size >= maxWaiting || waitMs > maxWaitMs || signal.aborted) return toSeconds(waitMs)
      const cameAtMs = clock.monotonicMs()
      const tellGranted = () =>
        events({ name: 'quota.waited', seconds: (clock.monotonicMs() - cameAtMs) / 1000 })
      if (!granting) grantedAtMs = cameAtMs
      const taken = granting ? undefined : take()
      if (taken === 0) {
        tellGranted()
        return undefined
      }
      return new Promise((resolve) => {
        const leave = (refusedForSeconds?: number) => {
          waiting.delete(grant)
          signal.removeEventListener('abort', giveUp)
          resolve(refusedForSeconds)
        }
        const grant = () => {
          tellGranted()
          leave()
        }
        const giveUp = () => leave(toSeconds(expectedWaitMs()))
        signal.addEventListener('abort', giveUp)
        waiting.add(grant)
        if (taken !== undefined) void grantInTurn(taken)
      })
    },

    async pause(ms) {
      nextAtMs = Math.max(nextAtMs, clock.monotonicMs() + ms)
      await permits.pause(ms)
    },

    waiting: () => waiting.size,
  }
}

function toSeconds(ms: number): number {
  return Math.max(1, Math.ceil(ms / 1000))
}
