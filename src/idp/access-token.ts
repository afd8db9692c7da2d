/**
 * Access tokens of the company's identity provider: from the bytes of a JWT to a `Caller`, or a code.
 * The foreign errors of jose end here; what exactly was wrong goes to the log as a note, never to the phone.
 */
import {
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
} from 'jose'
import { ServiceFailure } from '../core/failures.ts'
import type { Caller, Clock } from '../core/ports.ts'
import type { Soon } from '../core/soon.ts'
import { createTokenCache } from './token-cache.ts'

/** jose also reads padded or otherwise loose parts; RFC 7515 section 2 does not allow them. */
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]+$/
/** Keys that fit a token without a `kid`, or with one that several keys have. */
const maxKeysTried = 8

export interface AccessTokenOptions {
  issuer: string
  audience: string
  /** Asymmetric JWS algorithms. */
  algorithms: readonly string[]
  /** Allowed `typ` values, such as `at+jwt`; case and a leading `application/` do not matter. */
  tokenTypes: readonly string[]
  /** One scope value that the token must carry in `scope` or `scp`. */
  requiredScope: string | undefined
  /** The claim that holds the caller's own number. */
  phoneNumberClaim: string | undefined
  /** For `exp` and `nbf`. */
  clockToleranceSeconds: number
  findKey: JWTVerifyGetKey
  /** Makes the caller's pseudonym. */
  digest: (subject: string) => string
  clock: Clock
}

export interface AccessTokens {
  /**
   * Checks: the compact form; signature by a key of the provider; algorithm; `typ`; `iss`; `aud`; `exp` (required); `nbf`;
   * `sub` (required); the required scope; that the token is not sender-constrained (`cnf`), since it came as a plain bearer.
   * Does not check: revocation, `jti` replay, `iat`, `client_id`. Keys inside the token (`jwk`, `jku`, `x5u`) mean nothing.
   * A good token is remembered for up to 60 seconds.
   * @throws invalid_token, insufficient_scope, idp_unavailable
   * @see RFC 9068 section 4, RFC 8725 section 3, RFC 9449 section 7.2
   */
  verify(token: string): Soon<Caller>
}

export function createAccessTokens(options: AccessTokenOptions): AccessTokens {
  const {
    issuer,
    audience,
    algorithms,
    tokenTypes,
    requiredScope,
    phoneNumberClaim,
    findKey,
    digest,
    clock,
  } = options
  const types = new Set(tokenTypes.map(normalType))
  const cache = createTokenCache(clock)

  async function verifyJwt(token: string): Promise<JWTVerifyResult> {
    if (!compactForm.test(token)) throw invalid('not a compact JWT')
    try {
      return await verifyWithAny(token, findKey, {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: options.clockToleranceSeconds,
        requiredClaims: ['exp', 'sub'],
        currentDate: new Date(clock.wallMs()),
      })
    } catch (error) {
      if (error instanceof ServiceFailure) throw error
      throw invalid(describe(error))
    }
  }

  function toCaller(payload: JWTPayload): Caller {
    const { sub } = payload
    if (typeof sub !== 'string' || sub === '') throw invalid('sub is not a name')
    const [clientId] = clientIdsOf(payload)
    const phoneNumber = phoneNumberClaim === undefined ? undefined : payload[phoneNumberClaim]
    return {
      subject: sub,
      sub,
      pseudonym: digest(sub),
      ...(typeof clientId === 'string' && { clientId }),
      ...(typeof phoneNumber === 'string' && { phoneNumber }),
    }
  }

  async function verifyNew(token: string): Promise<Caller> {
    const { payload, protectedHeader } = await verifyJwt(token)
    if (!types.has(normalType(protectedHeader.typ))) throw invalid('typ')
    if (payload.cnf !== undefined) throw invalid('a sender-constrained token came as a bearer token')
    const caller = toCaller(payload)
    if (requiredScope !== undefined && !scopesOf(payload).includes(requiredScope))
      throw new ServiceFailure('insufficient_scope')
    cache.set(token, caller, Number(payload.exp) * 1000)
    return caller
  }

  return { verify: (token) => cache.get(token) ?? verifyNew(token) }
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

function invalid(note: string): ServiceFailure {
  return new ServiceFailure('invalid_token', { note })
}

/** jose's code and the claim's name: enough to act on, and nothing from inside the token. */
function describe(error: unknown): string {
  if (error instanceof errors.JWTClaimValidationFailed || error instanceof errors.JWTExpired)
    return `${error.code} ${error.claim}`
  return error instanceof errors.JOSEError ? error.code : 'unreadable'
}

/** `application/at+jwt` and `at+jwt` are one type, and case does not matter. @see RFC 7515 section 4.1.9 */
function normalType(typ: unknown): string {
  return (typeof typ === 'string' ? typ : '').toLowerCase().replace(/^application\//, '')
}

/** `scope` is a space-separated string (RFC 8693 section 4.2); some providers send `scp`, as a string or a list. */
function scopesOf({ scope, scp }: JWTPayload): unknown[] {
  return [scope, scp].flat().flatMap((value) => (typeof value === 'string' ? value.split(' ') : []))
}

/** Whatever the token calls its client: RFC 9068 says `client_id`, OpenID Connect `azp`, Okta `cid`, Entra `appid`. */
function clientIdsOf({ client_id, azp, cid, appid }: JWTPayload): unknown[] {
  return [client_id, azp, cid, appid].filter((id) => id !== undefined)
}
