/** Certificates as operators paste them, in every way in which `key-text.ts` reads a key. */
import { X509Certificate } from 'node:crypto'
import { pemOf } from './key-text.ts'

/** Exactly one of the two. */
export type CertificateText = { pem: string; fault?: undefined } | { pem?: undefined; fault: string }

/** @returns all certificates of the text, one after the other; else what to do */
export function readCertificateText(text: string): CertificateText {
  const [, ...blocks] = pemOf(text.trim()).split('-----BEGIN CERTIFICATE-----')
  const certificates = blocks.map((block) => certificateOf(block.slice(0, block.indexOf('-----END '))))
  const pem = certificates.join('')
  if (pem !== '' && !certificates.includes(undefined)) return { pem }
  return {
    fault: 'expected certificates: give the whole PEM file, from its line BEGIN CERTIFICATE to its line END',
  }
}

function certificateOf(base64: string): string | undefined {
  try {
    return new X509Certificate(Buffer.from(base64, 'base64')).toString()
  } catch {
    return undefined
  }
}
