/**
 * Receipts: what a finish found, signed, so that any backend of the company can check it offline; and the public keys for that.
 * The foreign errors of jose end here.
 */
import { createPublicKey, type KeyObject, randomUUID } from 'node:crypto'
import type { JWK } from 'jose'
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { SignJWT } from 'jose/jwt/sign'
import type { EventSink } from '../core/events.ts'
import type { Clock, ReceiptSigner } from '../core/ports.ts'

/** Nobody takes a receipt for an access token, nor an access token for a receipt. @see RFC 8725 section 3.11 */
const typ = 'phone-number-receipt+jwt'

/** By type of key. @see RFC 7518 section 3.1, RFC 8037 section 3.1 */
const algorithms: Readonly<Record<string, string>> = { ec: 'ES256', ed25519: 'EdDSA', rsa: 'RS256' }

/** How long a key stays published after its last receipt ended: for replicas that learn later of a change, and a margin. */
const spreadMs = 10 * 60_000

/** By the setting that it came from: RECEIPT_PRIVATE_KEY signs, RECEIPT_PRIVATE_KEY_NEXT is published beside it. */
export type ReceiptKeyName = 'signing' | 'next'

/** Public members alone. */
interface PublicJwk extends JWK {
  kty: string
  use: 'sig'
  alg: string
  /** RFC 7638 thumbprint. */
  kid: string
}

interface Key {
  privateKey: KeyObject
  jwk: PublicJwk
}

export interface ReceiptsOptions {
  /** The `iss` of every receipt: the URL of this service. */
  issuer: string
  /** One is written as a string, several as an array. At least one. */
  audience: readonly string[]
  lifetimeSeconds: number
  /** EC P-256, Ed25519, or RSA of 2048 bits or more, like every key here. */
  signing: KeyObject
  next: KeyObject | undefined
  clock: Clock
  events: EventSink
  /** A verified number goes without its receipt. */
  onFailure: (error: unknown) => void
}

export interface Receipts extends ReceiptSigner {
  /** The key that signs first, then the next, then former ones whose receipts may still be checked. */
  keySet(): { keys: PublicJwk[] }
  /**
   * A new key of this name, in use from now on; the one before stays published until its last receipt has ended on every replica.
   * @returns whether it was published before, so that whoever keeps a key set knows it
   */
  offer(name: ReceiptKeyName, privateKey: KeyObject): Promise<boolean>
}

export async function createReceipts(options: ReceiptsOptions): Promise<Receipts> {
  const { issuer, audience, lifetimeSeconds, clock, events } = options
  const keptMs = lifetimeSeconds * 1000 + spreadMs
  const keys: { [name in ReceiptKeyName]: Key | undefined } & { signing: Key } = {
    signing: await keyOf(options.signing),
    next: options.next && (await keyOf(options.next)),
  }
  /** By id. */
  const former = new Map<string, { key: Key; untilMs: number }>()

  function published(): Key[] {
    const nowMs = clock.monotonicMs()
    for (const [id, { untilMs }] of former) if (untilMs <= nowMs) former.delete(id)
    const all = [keys.signing, keys.next, ...[...former.values()].map(({ key }) => key)]
    return [...new Map(all.flatMap((key) => (key ? [[key.jwk.kid, key]] : []))).values()]
  }

  return {
    async sign({ caller, phoneNumber, method }) {
      const issuedAtSeconds = Math.floor(clock.wallMs() / 1000)
      const { privateKey, jwk } = keys.signing
      try {
        const receipt = await new SignJWT({
          phone_number: phoneNumber.reveal(),
          phone_number_verified: true,
          verification_method: method,
          ...(caller.clientId !== undefined && { client_id: caller.clientId }),
        })
          .setProtectedHeader({ typ, alg: jwk.alg, kid: jwk.kid })
          .setIssuer(issuer)
          .setSubject(caller.sub)
          .setAudience(audience.length === 1 ? String(audience[0]) : [...audience])
          .setIssuedAt(issuedAtSeconds)
          .setExpirationTime(issuedAtSeconds + lifetimeSeconds)
          .setJti(randomUUID())
          .sign(privateKey)
        events({ name: 'receipt.signed', outcome: 'issued' })
        return receipt
      } catch (error) {
        events({ name: 'receipt.signed', outcome: 'failed' })
        options.onFailure(error)
        return undefined
      }
    },

    keySet: () => ({ keys: published().map(({ jwk }) => jwk) }),

    async offer(name, privateKey) {
      const key = await keyOf(privateKey)
      const wasPublished = published().some(({ jwk }) => jwk.kid === key.jwk.kid)
      const before = keys[name]
      if (before) former.set(before.jwk.kid, { key: before, untilMs: clock.monotonicMs() + keptMs })
      keys[name] = key
      return wasPublished
    },
  }
}

async function keyOf(privateKey: KeyObject): Promise<Key> {
  const alg = algorithms[String(privateKey.asymmetricKeyType)] as string
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' }) as JWK & { kty: string }
  return { privateKey, jwk: { ...jwk, use: 'sig', alg, kid: await calculateJwkThumbprint(jwk) } }
}
