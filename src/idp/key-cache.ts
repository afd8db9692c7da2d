/**
 * The identity provider's keys, kept so that its outage does not become ours: refreshed behind the requests, one fetch at a
 * time, and the last good set is used for up to a day when it cannot be refreshed. (jose's own remote set forgets its keys
 * when a refresh fails, and then refuses every good token.)
 */
import type { JWK, JWTVerifyGetKey } from 'jose'
import * as errors from 'jose/errors'
import { createLocalJWKSet } from 'jose/jwks/local'
import type { ServiceFailure } from '../core/failures.ts'
import { elapsedMs, type Moment, momentOf } from '../core/moment.ts'
import type { Clock } from '../core/ports.ts'
import { describeTrouble, notYet } from './provider-trouble.ts'

/** Older keys are refreshed while they are still used. */
const refreshAfterMs = 5 * 60_000
/** Older keys (a service that was idle) are not used before one try to refresh them, so that a removed key stops working. */
const waitForRefreshAfterMs = 10 * 60_000
/** Older keys are not used at all. */
const maxAgeMs = 24 * 60 * 60_000
/** The longest that a request waits for keys. */
const waitMs = 1000
/** After a failed fetch the next one waits 1, 2, 4, 4 … seconds. */
const retryDelayMs = { first: 1000, max: 4000 }
/** Between fetches for an unknown `kid`. Anybody can make one up, so it never grows: a new key is good this soon, whatever strangers do. */
const unknownKeyCooldownMs = 5000

export interface KeyCache {
  /** Begins the first fetch without waiting for it. */
  warm(): void
  /** Since the keys in use were fetched. Undefined while there are none. */
  ageSeconds(): number | undefined
  /**
   * Finds the key of a token's header, for jose's `jwtVerify`.
   * @throws idp_unavailable when there are no keys, or the key is unknown and the provider cannot be asked, or not yet
   * @throws errors.JWKSNoMatchingKey when the provider, asked after the token came, knows no such key
   */
  find: JWTVerifyGetKey
}

export interface KeyCacheOptions {
  fetchKeys: () => Promise<JWK[]>
  clock: Clock
  /** Called with the cause of every fetch that failed. */
  onFailure: (cause: unknown) => void
}

interface KeySet {
  find: JWTVerifyGetKey
  /** The number of the fetch that brought it: what was published after that one began may not be in it. */
  fetch: number
  fetchedAt: Moment
}

export function createKeyCache({ fetchKeys, clock, onFailure }: KeyCacheOptions): KeyCache {
  let keys: KeySet | undefined
  let fetching: Promise<void> | undefined
  let failure: { cause: unknown; times: number } | undefined
  let fetches = 0
  let askedAtMs = Number.NEGATIVE_INFINITY
  let askedForUnknownAtMs = Number.NEGATIVE_INFINITY

  const ageMs = () => (keys ? elapsedMs(clock, keys.fetchedAt) : Number.POSITIVE_INFINITY)

  async function attempt(): Promise<void> {
    fetches += 1
    askedAtMs = clock.monotonicMs()
    try {
      const find = createLocalJWKSet({ keys: await fetchKeys() })
      keys = { find, fetch: fetches, fetchedAt: momentOf(clock) }
      failure = undefined
    } catch (cause) {
      failure = { cause, times: (failure?.times ?? 0) + 1 }
      onFailure(cause)
    }
  }

  /** Until the provider may be asked again after a failure; 0 or less: now. */
  function retryInMs(): number {
    if (!failure) return 0
    const delayMs = Math.min(retryDelayMs.max, retryDelayMs.first * 2 ** (failure.times - 1))
    return askedAtMs + delayMs - clock.monotonicMs()
  }

  /** Joins the fetch under way, or begins one unless the last one failed too recently. */
  function refresh(): Promise<void> | undefined {
    if (fetching || retryInMs() > 0) return fetching
    fetching = attempt().finally(() => {
      fetching = undefined
    })
    return fetching
  }

  async function current(): Promise<KeySet> {
    const oldMs = ageMs()
    if (oldMs >= refreshAfterMs) {
      const refreshing = refresh()
      if (oldMs >= maxAgeMs || (oldMs >= waitForRefreshAfterMs && !failure)) await atMostWaitMs(refreshing)
    }
    if (!keys || ageMs() >= maxAgeMs) throw unavailable()
    return keys
  }

  /** @throws idp_unavailable when there is none, for it did not come in time or may not be asked for yet */
  async function newerThan(seen: KeySet): Promise<KeySet> {
    if (keys === seen && !fetching && !failure) {
      const leftMs = askedForUnknownAtMs + unknownKeyCooldownMs - clock.monotonicMs()
      if (leftMs > 0) throw notYet('an unknown key, which may not be asked for yet', leftMs)
      askedForUnknownAtMs = clock.monotonicMs()
    }
    if (keys === seen) await atMostWaitMs(refresh())
    if (!keys || keys === seen) throw unavailable()
    return keys
  }

  function unavailable(): ServiceFailure {
    return failure
      ? notYet(describeTrouble(failure.cause), retryInMs(), failure.cause)
      : notYet('no answer yet', 0)
  }

  return {
    warm() {
      void refresh()
    },

    ageSeconds: () => keys && ageMs() / 1000,

    async find(header, token) {
      const fetchesBefore = fetches
      let seen = await current()
      for (;;) {
        try {
          return await seen.find(header, token)
        } catch (error) {
          if (!(error instanceof errors.JWKSNoMatchingKey) || seen.fetch > fetchesBefore) throw error
          seen = await newerThan(seen)
        }
      }
    },
  }
}

/** Resolves when the promise does, or after the longest wait of a request. */
async function atMostWaitMs(promise: Promise<void> | undefined): Promise<void> {
  if (!promise) return
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, waitMs)
  })
  await Promise.race([promise, late])
  clearTimeout(timer)
}
