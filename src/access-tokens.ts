/**
 * Access tokens as the settings describe them, with the identity provider's keys behind them. Part of `compose.ts`.
 */
import type { Config } from './config.ts'
import type { KeyedDigest } from './core/keyed-digest.ts'
import { createOnceAMinute } from './core/once-a-minute.ts'
import type { Clock } from './core/ports.ts'
import { type AccessTokens, createAccessTokens } from './idp/access-token.ts'
import type { Introspect } from './idp/introspection.ts'
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
  /** Since the keys in use were fetched: of several issuers, the oldest. Undefined while there are none. */
  keyAgeSeconds(): number | undefined
}

/** Where the keys of each issuer come from. */
export function keysSources(config: Config): SigningKeysSource[] {
  return config.AUTH_ISSUER.map((issuer) => ({
    issuer,
    jwksUri: config.AUTH_JWKS_URI,
    algorithms: config.AUTH_ALGORITHMS,
    isAllowedUrl: (url) => isUpstreamUrl(url, config.ALLOW_INSECURE_UPSTREAM),
  }))
}

export async function openAccessTokens(
  config: Config,
  { clock, digest, log }: AccessTokensContext,
): Promise<OpenAccessTokens> {
  const isDue = createOnceAMinute(clock)
  const keyCaches = new Map(
    keysSources(config).map((source) => {
      const keyCache = createKeyCache({
        fetchKeys: () => fetchSigningKeys(source),
        clock,
        onFailure(cause) {
          const { issuer } = source
          const reason = describeTrouble(cause)
          if (isDue(`${issuer} ${reason}`))
            log.warn({ issuer, reason }, "the identity provider's keys cannot be fetched")
        },
      })
      return [source.issuer, keyCache]
    }),
  )
  const accessTokens = createAccessTokens({
    issuers: new Map([...keyCaches].map(([issuer, { find }]) => [issuer, find])),
    audiences: config.AUTH_AUDIENCE,
    clientIds: config.AUTH_CLIENT_IDS,
    requiredClaims: config.AUTH_REQUIRED_CLAIMS,
    algorithms: config.AUTH_ALGORITHMS,
    tokenTypes: config.AUTH_TOKEN_TYPES,
    requiredScope: config.AUTH_REQUIRED_SCOPE,
    phoneNumberClaim: config.AUTH_PHONE_NUMBER_CLAIM,
    clockToleranceSeconds: config.AUTH_CLOCK_TOLERANCE_SECONDS,
    introspect: await openIntrospection(config, clock, (cause) => {
      const reason = describeTrouble(cause)
      if (isDue(`introspection ${reason}`))
        log.warn({ reason }, 'the identity provider cannot be asked about opaque tokens')
    }),
    onClientAsAudience() {
      if (isDue('client as audience'))
        log.warn(
          'AUTH_AUDIENCE: a token was accepted for an audience that is its own client, as ID tokens are: name the API alone',
        )
    },
    digest,
    clock,
  })
  return {
    ...accessTokens,
    warm() {
      for (const { warm } of keyCaches.values()) warm()
    },
    keyAgeSeconds() {
      const ages = [...keyCaches.values()].flatMap(({ ageSeconds }) => ageSeconds() ?? [])
      return ages.length > 0 ? Math.max(...ages) : undefined
    },
  }
}

/** Its library is loaded only where it is used. */
async function openIntrospection(
  config: Config,
  clock: Clock,
  onFailure: (cause: unknown) => void,
): Promise<Introspect | undefined> {
  const {
    AUTH_INTROSPECTION_URI: uri,
    AUTH_INTROSPECTION_CLIENT_ID: clientId = '',
    AUTH_INTROSPECTION_CLIENT_SECRET: clientSecret = '',
    AUTH_ISSUER: [issuer = ''],
  } = config
  if (uri === undefined) return undefined
  const { createIntrospection } = await import('./idp/introspection.ts')
  return createIntrospection({ issuer, uri, clientId, clientSecret, clock, onFailure })
}
