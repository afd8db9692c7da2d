/**
 * What a store keeps, as bytes that only the `state` opens: AES-256-GCM under a key made from the state itself, which the store does
 * not hold. Whoever reads the store learns nothing, and whoever writes to it can make up nothing.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import type { PhoneNumber } from '../core/phone-number.ts'

/** A new version opens the old one for as long as what it kept lives. */
const version = 1
const ivBytes = 12
const tagBytes = 16

/** Each has keys of its own, so that one cannot be passed off as the other. */
export type Purpose = 'record' | 'result' | 'start'

/** @param state 256 random bits, so that one hash step makes a key. @returns base64 of: version (1 byte), IV (12), ciphertext, tag (16) */
export function seal(purpose: Purpose, state: string, value: object): string {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', sealingKey(purpose, state), iv)
  const sealed = [cipher.update(JSON.stringify(value)), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat([Buffer.of(version), iv, ...sealed]).toString('base64')
}

/** @returns undefined for what this state did not seal for this purpose, or a version from the future: as good as unknown */
export function unseal(purpose: Purpose, state: string, sealed: string): unknown {
  const bytes = Buffer.from(sealed, 'base64')
  if (bytes[0] !== version) return undefined
  try {
    const iv = bytes.subarray(1, 1 + ivBytes)
    const key = sealingKey(purpose, state)
    const decipher = createDecipheriv('aes-256-gcm', key, iv, { authTagLength: tagBytes })
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    const plain = Buffer.concat([decipher.update(bytes.subarray(1 + ivBytes, -tagBytes)), decipher.final()])
    return JSON.parse(plain.toString())
  } catch {
    return undefined
  }
}

/**
 * Where something lies that is found by a caller and a number, and what seals it: both keyed digests, so that neither shows in Redis.
 * @param kind a single word, since what stands before the number must not hold a space
 */
export function placeOf(
  digest: (text: string) => string,
  prefix: string,
  kind: string,
  subject: string,
  phoneNumber: PhoneNumber,
): { key: string; secret: string } {
  const who = `${kind} ${phoneNumber.reveal()} ${subject}`
  return { key: `${prefix}:${digest(who)}`, secret: digest(`seal ${who}`) }
}

/** A key object: handed a buffer, Node takes four times as long. */
function sealingKey(purpose: Purpose, state: string): KeyObject {
  const bytes = hkdfSync('sha256', state, '', `network-enablement-bff ${purpose} ${version}`, 32)
  return createSecretKey(new Uint8Array(bytes))
}
