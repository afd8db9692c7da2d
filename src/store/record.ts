/**
 * A pending verification as bytes at rest. Sealed with AES-256-GCM under a key made from the state itself, which the store does
 * not hold: whoever reads the store learns nothing, not even whose verification it is.
 */
import {
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { parsePhoneNumber } from '../core/phone-number.ts'
import type { PendingVerification } from '../core/ports.ts'

/** A new version decodes the old one for as long as a state lives. */
const version = 1
const ivBytes = 12
const tagBytes = 16

const Content = Type.Object({ n: Type.String(), s: Type.String() })
const content = TypeCompiler.Compile(Content)

/** Base64 of: version (1 byte), IV (12), ciphertext, tag (16). @param state 256 random bits, so that one hash step makes a key */
export function sealRecord({ phoneNumber, scope }: PendingVerification, state: string): string {
  const iv = randomBytes(ivBytes)
  const cipher = createCipheriv('aes-256-gcm', sealingKey(state), iv)
  const plain: Static<typeof Content> = { n: phoneNumber.reveal(), s: scope }
  const sealed = [cipher.update(JSON.stringify(plain)), cipher.final(), cipher.getAuthTag()]
  return Buffer.concat([Buffer.of(version), iv, ...sealed]).toString('base64')
}

/** @returns undefined for what this state did not seal, or a version from the future: as good as unknown */
export function openRecord(record: string, state: string): PendingVerification | undefined {
  const bytes = Buffer.from(record, 'base64')
  if (bytes[0] !== version) return undefined
  try {
    const iv = bytes.subarray(1, 1 + ivBytes)
    const decipher = createDecipheriv('aes-256-gcm', sealingKey(state), iv, { authTagLength: tagBytes })
    decipher.setAuthTag(bytes.subarray(-tagBytes))
    const plain = Buffer.concat([decipher.update(bytes.subarray(1 + ivBytes, -tagBytes)), decipher.final()])
    const value: unknown = JSON.parse(plain.toString())
    const phoneNumber = content.Check(value) && parsePhoneNumber(value.n)
    return phoneNumber ? { phoneNumber, scope: value.s } : undefined
  } catch {
    return undefined
  }
}

/** A key object: handed a buffer, Node takes four times as long. */
function sealingKey(state: string): KeyObject {
  const bytes = hkdfSync('sha256', state, '', `network-enablement-bff record ${version}`, 32)
  return createSecretKey(new Uint8Array(bytes))
}
