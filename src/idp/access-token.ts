/**
 * Access tokens of the company's identity providers: from the bytes of a token to a `Caller`, or a code.
 * The foreign errors of jose end here; what exactly was wrong goes to the log as a note, never to the phone.
 */
import type {
  JWTClaimVerificationOptions,
  JWTPayload,
  JWTVerifyGetKey,
  JWTVerifyOptions,
  JWTVerifyResult,
} from 'jose'
import * as errors from 'jose/errors'
import { decodeJwt } from 'jose/jwt/decode'
import { UnsecuredJWT } from 'jose/jwt/unsecured'
import { jwtVerify } from 'jose/jwt/verify'
import { ServiceFailure } from '../core/failures.ts'
import type { Caller, Clock } from '../core/ports.ts'
import type { Soon } from '../core/soon.ts'
import { createTokenCache } from './token-cache.ts'
import { callerOf, invalid, type TokenRules } from './token-rules.ts'

/** jose also reads padded or otherwise loose parts; RFC 7515 section 2 does not allow them. */
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/
/** What may be sent as a bearer token. @see RFC 6750 section 2.1 */
const bearerForm = /^[\w.~+/-]+=*$/
/** How long a withdrawn key or token goes on working, for tokens already seen. */
const rememberedMs = 60_000
/** Keys that fit a token without a `kid`, or with one that several keys have. */
const maxKeysTried = 8
/** A token without a `typ`, which is not one whose `typ` says `none`. */
const noType = 'none'

export interface AccessTokenOptions extends Omit<TokenRules, 'issuers'> {
  /** Each with its own keys. */
  issuers: ReadonlyMap<string, JWTVerifyGetKey>
  /** One of them must be in `aud`. Empty: any, or none. */
  audiences: readonly string[]
  /** Asymmetric JWS algorithms. */
  algorithms: readonly string[]
  /** Allowed `typ` values, such as `at+jwt`; case and a leading `application/` do not matter. `none` is a token without. */
  tokenTypes: readonly string[]
  /** For `exp` and `nbf`. */
  clockToleranceSeconds: number
  /**
   * What the provider says of a token that is no JWT. Undefined: such tokens are refused.
   * @throws invalid_token, idp_unavailable
   */
  introspect: ((token: string) => Promise<JWTPayload>) | undefined
  /** Called when, of several audiences, the one accepted is the token's own client: as in an ID token. */
  onClientAsAudience: () => void
  clock: Clock
}

export interface AccessTokens {
  /**
   * Checks of a JWT: the compact form; signature by a key of its issuer; algorithm; `typ`. Of any token: `iss`; `aud`; `exp` (required);
   * `nbf`; and what `callerOf` does. Does not check: revocation of a JWT, `jti` replay, `iat`. Keys inside the token (`jwk`, `jku`,
   * `x5u`) mean nothing. A good token is remembered for up to 60 seconds.
   * @throws invalid_token, insufficient_scope, idp_unavailable
   * @see RFC 9068 section 4, RFC 8725 section 3, RFC 9449 section 7.2, RFC 7662
   */
  verify(token: string): Soon<Caller>
}

export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const { issuers, audiences, algorithms, tokenTypes, introspect, clock } = options
  const types = new Set(tokenTypes.map((type) => (type.toLowerCase() === 'none' ? noType : normalType(type))))
  const rules: TokenRules = { ...options, issuers: [...issuers.keys()] }
  const cache = createTokenCache<Caller>(clock, rememberedMs)

  const claimRules = (): JWTClaimVerificationOptions => ({
    issuer: [...rules.issuers],
    ...(audiences.length > 0 && { audience: [...audiences] }),
    clockTolerance: options.clockToleranceSeconds,
    requiredClaims: ['exp', 'sub'],
    currentDate: new Date(clock.wallMs()),
  })

  async function claimsOfJwt(token: string): Promise<JWTPayload> {
    const { payload, protectedHeader } = await orInvalid(async () => {
      // Nothing of it is believed before its signature was checked by the keys of this very issuer.
      const [issuer = ''] = rules.issuers.length > 1 ? [decodeJwt(token).iss] : rules.issuers
      const findKey = issuers.get(issuer)
      if (!findKey) throw invalid('ERR_JWT_CLAIM_VALIDATION_FAILED iss')
      return verifyWithAny(token, findKey, { ...claimRules(), issuer, algorithms: [...algorithms] })
    })
    if (!types.has(normalType(protectedHeader.typ))) throw invalid('typ is not in AUTH_TOKEN_TYPES')
    return payload
  }

  async function claimsOfOpaque(token: string): Promise<JWTPayload> {
    if (!isOpaque(token)) throw invalid('neither a compact JWT nor an opaque token')
    if (!introspect) throw invalid('an opaque token, and AUTH_INTROSPECTION_URI is not set')
    const claims = await introspect(token)
    // The claims are judged by the same code as a JWT's.
    return orInvalid(async () => UnsecuredJWT.decode(new UnsecuredJWT(claims).encode(), claimRules()).payload)
  }

  async function verifyNew(token: string): Promise<Caller> {
    const claims = await (compactForm.test(token) ? claimsOfJwt(token) : claimsOfOpaque(token))
    const caller = callerOf(claims, rules)
    const { clientId = '' } = caller
    if (audiences.length > 1 && audiences.includes(clientId) && [claims.aud].flat().includes(clientId))
      options.onClientAsAudience()
    cache.set(token, caller, Number(claims.exp) * 1000)
    return caller
  }

  return { verify: (token) => cache.get(token) ?? verifyNew(token) }
}

async function orInvalid<T>(verify: () => Promise<T>): Promise<T> {
  try {
    return await verify()
  } catch (error) {
    if (error instanceof ServiceFailure) throw error
    throw invalid(describe(error))
  }
}

/** Several keys may fit; one that did not sign the token proves nothing against the next. */
async function verifyWithAny(
  token: string,
  findKey: JWTVerifyGetKey,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(token, findKey, options)
  } catch (error) {
    if (!(error instanceof errors.JWKSMultipleMatchingKeys)) throw error
    let tried = 0
    for await (const key of error) {
      if (++tried > maxKeysTried) break
      try {
        return await jwtVerify(token, key, options)
      } catch (refusal) {
        if (!(refusal instanceof errors.JWSSignatureVerificationFailed)) throw refusal
      }
    }
    throw new errors.JWSSignatureVerificationFailed()
  }
}

/** jose's code and the claim's name: enough to act on, and nothing from inside the token. */
function describe(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `${error.code} ${error.claim}`
  return error instanceof errors.JOSEError ? error.code : 'unreadable'
}

/** Not what begins like a JWT, or is cut like one or like a JWE: damaged ones are nobody's business but ours. */
function isOpaque(token: string): boolean {
  const parts = token.split('.').length
  return bearerForm.test(token) && !token.startsWith('eyJ') && parts !== 3 && parts !== 5
}

/** `application/at+jwt` and `at+jwt` are one type, and case does not matter. @see RFC 7515 section 4.1.9 */
export function normalType(typ: unknown): string {
  if (typ === undefined) return noType
  return typeof typ === 'string' ? `typ ${typ.toLowerCase().replace(/^application\//, '')}` : ''
}
