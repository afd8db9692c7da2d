/**
 * Access tokens as the settings describe them, with the identity provider's keys behind them. Part of `compose.ts`.
 */
import type { Config } from './config.ts'
import type { KeyedDigest } from './core/keyed-digest.ts'
import { createOnceAMinute } from './core/once-a-minute.ts'
import type { Clock } from './core/ports.ts'
import { type AccessTokens, createAccessTokens } from './idp/access-token.ts'
import { createKeyCache } from './idp/key-cache.ts'
import { describeTrouble } from './idp/provider-trouble.ts'
import { fetchSigningKeys, type SigningKeysSource } from './idp/signing-keys.ts'
import type { Log } from './observability/logger.ts'
import { isUpstreamUrl } from './settings/upstream-url.ts'

export interface AccessTokensContext {
  clock: Clock
  digest: KeyedDigest
  log: Log['logger']
}

export interface OpenAccessTokens extends AccessTokens {
  /** Begins to fetch the keys, without waiting for them. */
  warm(): void
  /** Since the keys in use were fetched. Undefined while there are none. */
  keyAgeSeconds(): number | undefined
}

/** Where the keys come from. */
export function keysSource(config: Config): SigningKeysSource {
  return {
    issuer: config.AUTH_ISSUER,
    jwksUri: config.AUTH_JWKS_URI,
    algorithms: config.AUTH_ALGORITHMS,
    isAllowedUrl: (url) => isUpstreamUrl(url, config.ALLOW_INSECURE_UPSTREAM),
  }
}

export function openAccessTokens(
  config: Config,
  { clock, digest, log }: AccessTokensContext,
): OpenAccessTokens {
  const isDue = createOnceAMinute(clock)
  const keyCache = createKeyCache({
    fetchKeys: () => fetchSigningKeys(keysSource(config)),
    clock,
    onFailure(cause) {
      const reason = describeTrouble(cause)
      if (isDue(reason)) log.warn({ reason }, "the identity provider's keys cannot be fetched")
    },
  })
  const accessTokens = createAccessTokens({
    issuer: config.AUTH_ISSUER,
    audience: config.AUTH_AUDIENCE,
    algorithms: config.AUTH_ALGORITHMS,
    tokenTypes: config.AUTH_TOKEN_TYPES,
    requiredScope: config.AUTH_REQUIRED_SCOPE,
    phoneNumberClaim: config.AUTH_PHONE_NUMBER_CLAIM,
    clockToleranceSeconds: config.AUTH_CLOCK_TOLERANCE_SECONDS,
    findKey: keyCache.find,
    digest,
    clock,
  })
  return { ...accessTokens, warm: keyCache.warm, keyAgeSeconds: keyCache.ageSeconds }
}
