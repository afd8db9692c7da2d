/** The service's key ring of a test's keys, and which of them signed a JWT. */
import type { KeyObject } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { Clock } from '../../src/core/ports.ts'
import { createKeyRing, type KeyName, type KeyRing } from '../../src/vonage/key-ring.ts'

export interface TestKeyRingOptions {
  applicationId?: string
  primary: KeyObject
  next?: KeyObject | undefined
  clock: Clock
  /** Gets the name of every key that comes into use. */
  changes?: KeyName[]
}

export function createTestKeyRing(options: TestKeyRingOptions): KeyRing {
  const { applicationId = 'an-application', primary, next, clock, changes = [] } = options
  return createKeyRing({
    applicationId,
    primary,
    next,
    clock,
    onKeyChange: (name) => void changes.push(name),
  })
}

/** Looks at the signature alone. @param jwt may be an Authorization header */
export async function isSignedBy(
  jwt: string | undefined,
  publicKey: KeyObject,
  nowMs: number,
): Promise<boolean> {
  const bare = (jwt ?? '').replace(/^Bearer /, '')
  return jwtVerify(bare, publicKey, { algorithms: ['RS256'], currentDate: new Date(nowMs) }).then(
    () => true,
    () => false,
  )
}
