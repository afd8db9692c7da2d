/** Certificates as they are pasted. */
import { test } from 'tap'
import { readCertificateText } from '../../src/settings/certificate-text.ts'
import { createRsaKeys, privatePem } from '../support/keys.ts'
import { createSelfSignedPem } from '../support/self-signed-certificate.ts'

const keys = createRsaKeys()
const pem = createSelfSignedPem(keys)

for (const [spelling, text] of Object.entries({
  'as it is': pem,
  'CRLF line ends': pem.replaceAll('\n', '\r\n'),
  'line breaks written as \\n': pem.replaceAll('\n', '\\n'),
  'spaces for line breaks': pem.replaceAll('\n', ' '),
  'line breaks lost': pem.replaceAll('\n', ''),
  base64: Buffer.from(pem).toString('base64'),
  'text around it': `subject=CN\n${pem}\nmore`,
}))
  test(`a certificate is read: ${spelling}`, async (t) => {
    t.strictSame(readCertificateText(text), { pem })
  })

test('every certificate of a bundle is read', async (t) => {
  const other = createSelfSignedPem(createRsaKeys())
  t.strictSame(readCertificateText(`${pem}\n# the next\n${other}`), { pem: pem + other })
})

for (const [what, text] of Object.entries({
  'a private key': privatePem(keys),
  'a path': '/etc/ssl/ca.crt',
  'cut off': pem.slice(0, 300),
  damaged: pem.replace(/\nMII/, '\nAAA'),
  'good, and then a damaged one': pem + pem.replace(/\nMII/, '\nAAA'),
  'no PEM': 'canary',
  empty: '',
}))
  test(`what is no certificate is told without a piece of it: ${what}`, async (t) => {
    const { pem: read, fault = '' } = readCertificateText(text)
    t.equal(read, undefined)
    for (const piece of text.match(/[\w+/]{6,}/g) ?? [])
      t.ok(['BEGIN', 'CERTIFICATE'].includes(piece) || !fault.includes(piece), piece)
  })
