/**
 * The identity provider's keys, kept so that its outage does not become ours: refreshed behind the requests, one fetch at a
 * time, and the last good set is used for up to a day when it cannot be refreshed. (jose's own remote set forgets its keys
 * when a refresh fails, and then refuses every good token.)
 */
import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from 'jose'
import { ServiceFailure } from '../core/failures.ts'
import type { Clock } from '../core/ports.ts'

/** Older keys are refreshed while they are still used. */
const refreshAfterMs = 5 * 60_000
/** Older keys (a service that was idle) are not used before one try to refresh them, so that a removed key stops working. */
const waitForRefreshAfterMs = 10 * 60_000
/** Older keys are not used at all. */
const maxAgeMs = 24 * 60 * 60_000
/** The longest that a request waits for keys. */
const waitMs = 1000
/** After a failed fetch the next one waits 1, 2, 4 … 30 seconds; while there are no keys at all, 4 at most. */
const retryDelayMs = { first: 1000, max: 30_000, maxWithoutKeys: 4000 }
/** Between fetches for an unknown `kid`: 5 seconds, doubled up to a minute while they bring nothing; forgotten when quiet. */
const unknownKeyCooldownMs = { first: 5000, max: 60_000, forgottenAfter: 5 * 60_000 }

export interface KeyCache {
  /** Begins the first fetch without waiting for it. */
  warm(): void
  /** Since the keys in use were fetched. Undefined while there are none. */
  ageSeconds(): number | undefined
  /**
   * Finds the key of a token's header, for jose's `jwtVerify`.
   * @throws idp_unavailable when there are no keys, or the key is unknown and the provider cannot be asked
   * @throws errors.JWKSNoMatchingKey when the provider knows no such key
   */
  find: JWTVerifyGetKey
}

export interface KeyCacheOptions {
  fetchKeys: () => Promise<JWK[]>
  clock: Clock
}

export function createKeyCache({ fetchKeys, clock }: KeyCacheOptions): KeyCache {
  let keys: { find: JWTVerifyGetKey; fetchedAtMs: number } | undefined
  let fetching: Promise<void> | undefined
  let failure: { cause: unknown; times: number } | undefined
  let attemptedAtMs = Number.NEGATIVE_INFINITY
  let askedForUnknown = { atMs: Number.NEGATIVE_INFINITY, cooldownMs: unknownKeyCooldownMs.first }

  const elapsedMs = (sinceMs: number) => clock.monotonicMs() - sinceMs

  async function attempt(): Promise<void> {
    attemptedAtMs = clock.monotonicMs()
    try {
      keys = { find: createLocalJWKSet({ keys: await fetchKeys() }), fetchedAtMs: clock.monotonicMs() }
      failure = undefined
    } catch (cause) {
      failure = { cause, times: (failure?.times ?? 0) + 1 }
    }
  }

  /** Joins the fetch under way, or begins one unless the last one failed too recently. */
  function refresh(): Promise<void> | undefined {
    if (fetching) return fetching
    if (failure) {
      const maxMs =
        keys && elapsedMs(keys.fetchedAtMs) < maxAgeMs ? retryDelayMs.max : retryDelayMs.maxWithoutKeys
      const delayMs = Math.min(maxMs, retryDelayMs.first * 2 ** (failure.times - 1))
      if (elapsedMs(attemptedAtMs) < delayMs) return undefined
    }
    fetching = attempt().finally(() => {
      fetching = undefined
    })
    return fetching
  }

  async function current(): Promise<JWTVerifyGetKey> {
    const ageMs = keys ? elapsedMs(keys.fetchedAtMs) : Number.POSITIVE_INFINITY
    if (ageMs >= refreshAfterMs) {
      const refreshing = refresh()
      if (ageMs >= maxAgeMs || (ageMs >= waitForRefreshAfterMs && !failure)) await atMostWaitMs(refreshing)
    }
    if (!keys || elapsedMs(keys.fetchedAtMs) >= maxAgeMs) throw unavailable()
    return keys.find
  }

  function unavailable(): ServiceFailure {
    return new ServiceFailure('idp_unavailable', { cause: failure?.cause })
  }

  return {
    warm() {
      void refresh()
    },

    ageSeconds: () => keys && elapsedMs(keys.fetchedAtMs) / 1000,

    async find(header, token) {
      const seen = await current()
      try {
        return await seen(header, token)
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
        const renewedMeanwhile = keys?.find !== seen
        if (!renewedMeanwhile && !(await askForUnknown())) throw error
      }
      const key = await (await current())(header, token)
      askedForUnknown.cooldownMs = unknownKeyCooldownMs.first
      return key
    },
  }

  /** @returns false when the provider was asked too recently */
  async function askForUnknown(): Promise<boolean> {
    if (!fetching && !failure) {
      const quietMs = elapsedMs(askedForUnknown.atMs)
      const cooldownMs =
        quietMs < unknownKeyCooldownMs.forgottenAfter
          ? askedForUnknown.cooldownMs
          : unknownKeyCooldownMs.first
      if (elapsedMs(attemptedAtMs) < cooldownMs) return false
      askedForUnknown = {
        atMs: clock.monotonicMs(),
        cooldownMs: Math.min(unknownKeyCooldownMs.max, 2 * cooldownMs),
      }
    }
    await atMostWaitMs(refresh())
    if (fetching || failure) throw unavailable()
    return true
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
