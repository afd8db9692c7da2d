/**
 * The OAuth `state` of one verification: minted here and never taken from a caller.
 * It proves nothing alone; with the subject that started it names one live verification.
 */
import { createHash, randomBytes } from 'node:crypto'

const stateBytes = 32

/** Exactly the form that `mintState` makes: 43 base64url characters. */
export const statePattern = '^[A-Za-z0-9_-]{43}$'

/** 256 bits from the system's secure generator, base64url without padding. @see RFC 9700 section 2.1 */
export function mintState(): string {
  return randomBytes(stateBytes).toString('base64url')
}

/**
 * The name under which a store keeps a verification: SHA-256 over subject and state, base64url. Another subject with the
 * same state computes another name, so that a stranger's try is a plain miss and leaves the owner's entry alone.
 * The state comes first because its length is fixed: no two pairs concatenate to the same text.
 */
export function verificationKey(subject: string, state: string): string {
  return createHash('sha256').update(state).update(subject).digest('base64url')
}

/** The name of a finished verification's result: only the same subject, state and code compute it. */
export function resultKey(subject: string, state: string, code: string): string {
  return createHash('sha256').update(verificationKey(subject, state)).update(code).digest('base64url')
}
