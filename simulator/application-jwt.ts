/**
 * The operator's check of the application JWT, the credential of a Vonage application on every server call.
 * Knows only the public half of the application's key. Time is passed in.
 */

import type { KeyObject } from 'node:crypto'
import { compactVerify } from 'jose'

const clockToleranceSeconds = 60
/** The bounds of `exp` after `iat`, and the lifetime of a token without `exp` (Vonage JWT documentation). */
const minLifetimeSeconds = 30
const maxLifetimeSeconds = 24 * 60 * 60
const defaultLifetimeSeconds = 15 * 60

/** The end of the problem's `type` URL that the refusal leads to (Vonage API errors page). */
type JwtRefusal = 'unauthorized' | 'jwt-expired'

/** Takes the value of an Authorization header; gives `undefined` for a good token. */
export type ApplicationJwtCheck = (authorization: string | undefined) => Promise<JwtRefusal | undefined>

export interface ApplicationJwtCheckOptions {
  publicKey: KeyObject
  applicationId: string
  /** Epoch milliseconds. */
  now: () => number
}

/**
 * Checks: the RS256 signature and no other algorithm, `typ`, `application_id`, `iat` (at most 60 s ahead of the clock),
 * `nbf`, `jti`, and the lifetime. Does not check that a `jti` is new: tokens may be used again while they live.
 */
export function createApplicationJwtCheck(options: ApplicationJwtCheckOptions): ApplicationJwtCheck {
  return async (authorization) => {
    const claims = await verifiedClaims(bearerToken(authorization), options.publicKey)
    if (!claims) return 'unauthorized'
    return judgeClaims(claims, options.applicationId, options.now() / 1000)
  }
}

/** The token of a Bearer Authorization header (RFC 6750 section 2.1). */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer ([\w.~+/-]+=*)$/i.exec(authorization ?? '')?.[1]
}

async function verifiedClaims(token: string | undefined, publicKey: KeyObject) {
  if (token === undefined) return undefined
  try {
    const { payload, protectedHeader } = await compactVerify(token, publicKey, { algorithms: ['RS256'] })
    if (protectedHeader.typ !== 'JWT') return undefined
    const claims: unknown = JSON.parse(new TextDecoder().decode(payload))
    return typeof claims === 'object' && claims !== null ? (claims as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function judgeClaims(
  claims: Record<string, unknown>,
  applicationId: string,
  nowSeconds: number,
): JwtRefusal | undefined {
  const { application_id, iat, nbf, exp, jti } = claims
  if (application_id !== applicationId) return 'unauthorized'
  if (typeof jti !== 'string' || jti === '') return 'unauthorized'
  if (typeof iat !== 'number' || iat > nowSeconds + clockToleranceSeconds) return 'unauthorized'
  if (nbf !== undefined && (typeof nbf !== 'number' || nbf > nowSeconds + clockToleranceSeconds)) {
    return 'unauthorized'
  }
  const expires = exp === undefined ? iat + defaultLifetimeSeconds : exp
  if (typeof expires !== 'number') return 'unauthorized'
  if (expires - iat < minLifetimeSeconds || expires - iat > maxLifetimeSeconds) return 'unauthorized'
  return expires <= nowSeconds ? 'jwt-expired' : undefined
}
