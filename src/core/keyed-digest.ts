/**
 * Names for personal data that can be compared but not read: HMAC-SHA-256 under a secret of the deployment. A plain hash would
 * not do, since there are few enough phone numbers to try them all.
 */
import { createHmac, createSecretKey, hkdfSync } from 'node:crypto'

export type KeyedDigest = (text: string) => string

/**
 * @param secret the same for all replicas; a key is derived from it, so it may serve elsewhere too
 * @returns a function from text to 22 base64url characters (128 bits)
 */
export function createKeyedDigest(secret: string): KeyedDigest {
  // A key object: handed a buffer, Node makes one for each call, which costs several times the HMAC.
  const key = createSecretKey(
    new Uint8Array(hkdfSync('sha256', secret, '', 'network-enablement-bff digest', 32)),
  )
  return (text) => createHmac('sha256', key).update(text).digest().subarray(0, 16).toString('base64url')
}
