/** Keys made for one test run; nothing secret is ever stored in the repository. */
import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto'

/** A fresh RSA pair. 2048 bits unless told otherwise; making one takes 50 to 300 ms, so share it within a file. */
export function createRsaKeys(modulusLength = 2048): KeyPairKeyObjectResult {
  return generateKeyPairSync('rsa', { modulusLength })
}

/** A fresh pair for receipts, which takes no time; or one of a curve that is not for them. */
export function createKeys(kind: 'EC P-256' | 'EC P-384' | 'Ed25519'): KeyPairKeyObjectResult {
  return kind === 'Ed25519'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: kind.slice('EC '.length) })
}

export function privatePem({ privateKey }: KeyPairKeyObjectResult): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
