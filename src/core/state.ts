/**
 * The OAuth `state` of one verification: minted here and never taken from a caller.
 * It proves nothing alone; with the subject that started it names one live verification.
 */
import { hash, randomFillSync } from 'node:crypto'

const stateBytes = 32
/** Asked of the system at once: each call costs as much as the bytes of many states. What has been handed out is wiped. */
const drawnBytes = 128 * stateBytes

/** Exactly the form that `mintState` makes: 43 base64url characters. */
export const statePattern = '^[A-Za-z0-9_-]{43}$'

const drawn = Buffer.alloc(drawnBytes)
let used = drawnBytes

/** 256 bits from the system's secure generator, base64url without padding. @see RFC 9700 section 2.1 */
export function mintState(): string {
  if (used === drawnBytes) {
    randomFillSync(drawn)
    used = 0
  }
  const end = used + stateBytes
  const state = drawn.toString('base64url', used, end)
  drawn.fill(0, used, end)
  used = end
  return state
}

/**
 * The name under which a store keeps a verification: SHA-256 over subject and state, base64url. Another subject with the
 * same state computes another name, so that a stranger's try is a plain miss and leaves the owner's entry alone.
 * The state comes first because its length is fixed: no two pairs concatenate to the same text.
 */
export function verificationKey(subject: string, state: string): string {
  return hash('sha256', state + subject, 'base64url')
}

/** Names that an operator may give. Vonage's are UUIDs; anything is taken that fits into a path. */
export const requestIdPattern = '^[A-Za-z0-9_-]{1,100}$'

/**
 * Stands for the state where the operator names the verification itself. Colons, which neither has, end it: no two pairs with a subject
 * concatenate to the same text.
 */
export function referenceTo(requestId: string): string {
  return `verify:${requestId}:`
}

const formOfState = new RegExp(statePattern)
const formOfRequestId = new RegExp(requestIdPattern)

/**
 * What the caller names, as the stores know it. Anything longer could run over into the subject, and reach another one's entry.
 * @returns undefined for what neither we nor an operator would name a verification
 */
export function toReference(name: { state: string } | { requestId: string }): string | undefined {
  if ('state' in name) return formOfState.test(name.state) ? name.state : undefined
  return formOfRequestId.test(name.requestId) ? referenceTo(name.requestId) : undefined
}

/** The name of a finished verification's result: only the same subject, state and code compute it. */
export function resultKey(subject: string, state: string, code: string): string {
  return hash('sha256', verificationKey(subject, state) + code, 'base64url')
}
