/**
 * Which claims make a good access token, and which caller they name. The same for a JWT, whose signature was checked, and for what the
 * provider says of an opaque token. Pure.
 */
import type { JWTPayload } from 'jose'
import { ServiceFailure } from '../core/failures.ts'
import type { Caller } from '../core/ports.ts'

export interface TokenRules {
  /** With several, a caller is issuer and `sub` together. */
  issuers: readonly string[]
  /** Clients whose tokens are accepted. Empty: any. */
  clientIds: readonly string[]
  /** `name=value` each; of a list any member counts, and `a.b` is the member b of a unless there is a claim of that name. */
  requiredClaims: readonly string[]
  /** One scope value that the token must carry in `scope` or `scp`. */
  requiredScope: string | undefined
  /** The claim that holds the caller's own number. */
  phoneNumberClaim: string | undefined
  /** Makes the caller's pseudonym. */
  digest: (subject: string) => string
}

/**
 * Checks: `sub`; that the token is not sender-constrained (`cnf`), since it came as a plain bearer; the client; the required claims;
 * the required scope. Does not check what jose does: `iss`, `aud`, `exp`, `nbf`.
 * @throws invalid_token, insufficient_scope
 */
export function callerOf(claims: JWTPayload, rules: TokenRules): Caller {
  const { sub, iss } = claims
  if (claims.cnf !== undefined) throw invalid('a sender-constrained token came as a bearer token')
  if (typeof sub !== 'string' || sub === '') throw invalid('sub is not a name')
  const clients = clientIdsOf(claims)
  if (rules.clientIds.length > 0 && !isOneOf(clients, rules.clientIds))
    throw invalid('not of a client in AUTH_CLIENT_IDS')
  const missing = rules.requiredClaims.find((required) => !hasClaim(claims, required))
  if (missing !== undefined) throw invalid(`not as AUTH_REQUIRED_CLAIMS: ${missing.replace(/=.*/s, '')}`)
  if (rules.requiredScope !== undefined && !scopesOf(claims).includes(rules.requiredScope))
    throw new ServiceFailure('insufficient_scope')
  const [clientId] = clients
  const phoneNumber = rules.phoneNumberClaim === undefined ? undefined : claims[rules.phoneNumberClaim]
  const subject = rules.issuers.length > 1 ? JSON.stringify([iss, sub]) : sub
  return {
    subject,
    sub,
    pseudonym: rules.digest(subject),
    ...(typeof clientId === 'string' && { clientId }),
    ...(typeof phoneNumber === 'string' && { phoneNumber: phoneNumber.replace(/^(?!\+)/, '+') }),
  }
}

/** Whatever the token calls its client: RFC 9068 says `client_id`, OpenID Connect `azp`, Okta `cid`, Entra `appid`. */
function clientIdsOf({ client_id, azp, cid, appid }: JWTPayload): unknown[] {
  return [client_id, azp, cid, appid].filter((id) => id !== undefined)
}

/** There may be several names of the client, but they must be one client. */
function isOneOf(clients: readonly unknown[], allowed: readonly string[]): boolean {
  const [client] = clients
  return typeof client === 'string' && allowed.includes(client) && clients.every((other) => other === client)
}

/** @param required `name=value` */
function hasClaim(claims: JWTPayload, required: string): boolean {
  const at = required.indexOf('=')
  const [name, value] = [required.slice(0, at), required.slice(at + 1)]
  const claim = Object.hasOwn(claims, name) ? claims[name] : memberOf(claims, name.split('.'))
  return [claim].flat().some((one) => /^(string|number|boolean)$/.test(typeof one) && String(one) === value)
}

function memberOf(value: unknown, path: readonly string[]): unknown {
  const [name, ...rest] = path
  if (name === undefined) return value
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return memberOf((value as Record<string, unknown>)[name], rest)
}

/** `scope` is a space-separated string (RFC 8693 section 4.2); some providers send a list, or `scp`, as either. */
function scopesOf({ scope, scp }: JWTPayload): unknown[] {
  return [scope, scp].flat().flatMap((value) => (typeof value === 'string' ? value.split(' ') : []))
}

/** @param note for the log: nothing from inside the token */
export function invalid(note: string): ServiceFailure {
  return new ServiceFailure('invalid_token', { note })
}
