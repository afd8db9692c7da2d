/** Keys made for one test run; nothing secret is ever stored in the repository. */
import { generateKeyPairSync, type KeyPairKeyObjectResult } from 'node:crypto'

/** A fresh RSA pair. 2048 bits unless told otherwise; making one takes 50 to 300 ms, so share it within a file. */
export function createRsaKeys(modulusLength = 2048): KeyPairKeyObjectResult {
  return generateKeyPairSync('rsa', { modulusLength })
}

export function privatePem({ privateKey }: KeyPairKeyObjectResult): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
