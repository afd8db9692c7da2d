/** Certificates as they are pasted. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
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
  test(`a certificate is read: ${spelling}`, () => {
    assert.deepEqual(readCertificateText(text), { pem })
  })

test('every certificate of a bundle is read', () => {
  const other = createSelfSignedPem(createRsaKeys())
  assert.deepEqual(readCertificateText(`${pem}\n# the next\n${other}`), { pem: pem + other })
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
  test(`what is no certificate is told without a piece of it: ${what}`, () => {
    const { pem: read, fault = '' } = readCertificateText(text)
    assert.equal(read, undefined)
    for (const piece of text.match(/[\w+/]{6,}/g) ?? [])
      assert.ok(['BEGIN', 'CERTIFICATE'].includes(piece) || !fault.includes(piece), piece)
  })
