/** The smallest X.509 certificate that parses: what an attacker would put in a token's `x5c`. */
import { type KeyObject, sign, X509Certificate } from 'node:crypto'

const sha256WithRsa = der(0x30, Buffer.from('06092a864886f70d01010b0500', 'hex'))
const nameless = der(0x30)
const validity = der(0x30, utcTime('200101000000Z'), utcTime('490101000000Z'))

/** @returns DER */
export function createSelfSignedCertificate(keys: { privateKey: KeyObject; publicKey: KeyObject }): Buffer {
  const publicKey = keys.publicKey.export({ type: 'spki', format: 'der' })
  const serial = Buffer.from('020101', 'hex')
  const body = der(0x30, serial, sha256WithRsa, nameless, validity, nameless, publicKey)
  const signature = der(0x03, Buffer.of(0), sign('sha256', body, keys.privateKey))
  return der(0x30, body, sha256WithRsa, signature)
}

export function createSelfSignedPem(keys: { privateKey: KeyObject; publicKey: KeyObject }): string {
  return new X509Certificate(createSelfSignedCertificate(keys)).toString()
}

function utcTime(text: string): Buffer {
  return der(0x17, Buffer.from(text))
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts)
  const { length } = content
  const head = length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from(head), content])
}
