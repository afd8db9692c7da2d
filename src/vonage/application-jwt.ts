/**
 * The application JWT that proves to Vonage who we are: signed once per lifetime and shared by all calls.
 * Vonage's own SDK signs for every request; signing is the dearest step of a start (about 0.4 ms), so it is kept off that path.
 */
import { type KeyObject, randomUUID } from 'node:crypto'
import { SignJWT } from 'jose/jwt/sign'
import { elapsedMs, type Moment, momentOf } from '../core/moment.ts'
import type { Clock } from '../core/ports.ts'
import type { Soon } from '../core/soon.ts'

/** Vonage's default. It allows 30 seconds to 24 hours. */
const lifetimeMs = 15 * 60_000
/** A quarter of the lifetime is left when the next one is signed in the background. */
const renewAfterMs = 0.75 * lifetimeMs
/** Used no longer than this, so that none expires on the way. */
const usableMs = lifetimeMs - 30_000
/** Vonage publishes no clock tolerance: `iat` is set back by more than a host with working NTP drifts. */
const backdateMs = 10_000
/** A refused JWT younger than this is not signed anew: the next one would be refused as well. */
const leastAgeForRenewalMs = 10_000

export interface ApplicationJwtOptions {
  applicationId: string
  /** RSA of 2048 bits or more. */
  privateKey: KeyObject
  clock: Clock
}

export interface ApplicationJwt {
  /** Of the JWT in use. Undefined before the first. */
  ageSeconds(): number | undefined
  /** A JWT good for at least 30 seconds more. Parallel calls share one signing. */
  current(): Soon<string>
  /**
   * Answers a 401: signs a new JWT unless that has happened meanwhile, however many calls were refused at once. At once when a clock
   * calls the refused one too old.
   * @returns undefined when the refused JWT is new itself, so that the key or the application is at fault, not its age
   */
  replace(refused: string): Promise<string | undefined>
}

/** The JWTs of one key. */
export interface SigningJwt extends ApplicationJwt {
  /** Is it the one that was signed last, and still good by both clocks? */
  isCurrent(jwt: string): boolean
}

/**
 * Claims `application_id`, `iat`, `exp`, `jti`; header RS256. No `acl`: the network APIs take none; no `nbf`: clocks differ.
 * @see Vonage developer documentation, "JSON Web Tokens"
 */
export function createApplicationJwt(options: ApplicationJwtOptions): SigningJwt {
  const { applicationId, privateKey, clock } = options
  let latest: { jwt: string; signedAt: Moment } | undefined
  let signing: Promise<string> | undefined

  async function sign(): Promise<string> {
    const signedAt = momentOf(clock)
    const issuedAtSeconds = Math.floor((signedAt.wallMs - backdateMs) / 1000)
    const jwt = await new SignJWT({ application_id: applicationId })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT' })
      .setIssuedAt(issuedAtSeconds)
      .setExpirationTime(issuedAtSeconds + (backdateMs + lifetimeMs) / 1000)
      .setJti(randomUUID())
      .sign(privateKey)
    latest = { jwt, signedAt }
    return jwt
  }

  /** By the clock that is harder on it. Without end when the wall clock went back to before its `iat`. */
  function ageMs(): number {
    if (!latest || clock.wallMs() < latest.signedAt.wallMs - backdateMs) return Number.POSITIVE_INFINITY
    return elapsedMs(clock, latest.signedAt)
  }

  function signOnce(): Promise<string> {
    signing ??= sign().finally(() => {
      signing = undefined
    })
    return signing
  }

  return {
    ageSeconds: () => latest && elapsedMs(clock, latest.signedAt) / 1000,

    current() {
      const oldMs = ageMs()
      if (!latest || oldMs >= usableMs) return signOnce()
      // Nobody waits for it, and a rejection that nobody handles would end the process: the next call tries again.
      if (oldMs >= renewAfterMs) signOnce().catch(() => undefined)
      return latest.jwt
    },

    async replace(refused) {
      if (!this.isCurrent(refused)) return this.current()
      return ageMs() < leastAgeForRenewalMs ? undefined : signOnce()
    },

    isCurrent: (jwt) => jwt === latest?.jwt && ageMs() < usableMs,
  }
}
