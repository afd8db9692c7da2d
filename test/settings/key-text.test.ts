/** Private keys as they are pasted: every way that has one meaning is read, and for the rest the fault is the right one. */

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { test } from 'tap'
import { type KeyKinds, kindOf, readKeyText } from '../../src/settings/key-text.ts'
import { createRsaKeys, privatePem } from '../support/keys.ts'
import { confirm } from '../support/must.ts'

const keys = createRsaKeys()
const pkcs8 = privatePem(keys)
const pkcs1 = keys.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey
const ed25519 = generateKeyPairSync('ed25519').privateKey
const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey
const pemOf = (key: KeyObject) => key.export({ type: 'pkcs8', format: 'pem' }).toString()
const encryption = { format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' } as const
const encrypted = keys.privateKey.export({ type: 'pkcs8', ...encryption }).toString()
const base64 = (text: string) => Buffer.from(text).toString('base64')

const spellings: Record<string, (pem: string) => string> = {
  'as it is': (pem) => pem,
  'CRLF line ends': (pem) => pem.replaceAll('\n', '\r\n'),
  'line breaks written as \\n': (pem) => pem.replaceAll('\n', '\\n'),
  'line breaks written as \\r\\n': (pem) => pem.replaceAll('\n', '\\r\\n'),
  'spaces for line breaks': (pem) => pem.replaceAll('\n', ' '),
  'line breaks lost': (pem) => pem.replaceAll('\n', ''),
  base64,
  'base64 in lines': (pem) => base64(pem).replace(/.{76}/g, '$&\n'),
  'text around it': (pem) => `Bag Attributes\n${pem}\nmore`,
  'its public key after it': (pem) => pem + keys.publicKey.export({ type: 'spki', format: 'pem' }),
}

for (const [spelling, spell] of Object.entries(spellings))
  test(`a private key is read: ${spelling}`, async (t) => {
    for (const [pem, kind] of [
      [pkcs8, 'RSA'],
      [pkcs1, 'RSA'],
      [pemOf(ec), 'EC P-256'],
      [ec.export({ type: 'sec1', format: 'pem' }).toString(), 'EC P-256'],
      [pemOf(ed25519), 'Ed25519'],
    ] as const) {
      const { key } = readKeyText(spell(pem), [kind])
      confirm(t, key)
      t.equal(kindOf(key), kind)
    }
  })

/** What the text is, by a word that its fault has and no other does. */
const faults: readonly [what: string, text: string, word: RegExp][] = [
  ['1024 bits', privatePem(createRsaKeys(1024)), /RSA of 1024 bits/],
  ['2040 bits', privatePem(createRsaKeys(2040)), /RSA of 2040 bits/],
  ['an EC key', pemOf(ec), /EC P-256/],
  ['another EC key', pemOf(p384), /EC secp384r1/],
  ['an Ed25519 key', pemOf(ed25519), /Ed25519/],
  ['an RSA-PSS key', pemOf(pss), /RSA-PSS/],
  ['encrypted', encrypted, /encrypted/],
  ['encrypted, PKCS#1', keys.privateKey.export({ type: 'pkcs1', ...encryption }).toString(), /encrypted/],
  ['encrypted, in spaces', encrypted.replaceAll('\n', ' '), /encrypted/],
  [
    'encrypted, PKCS#1 in spaces',
    keys.privateKey
      .export({ type: 'pkcs1', ...encryption })
      .toString()
      .replaceAll('\n', ' '),
    /encrypted/,
  ],
  ['encrypted, in base64', base64(encrypted), /encrypted/],
  ['public', keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(), /public/],
  ['public, PKCS#1', keys.publicKey.export({ type: 'pkcs1', format: 'pem' }).toString(), /public/],
  ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----', /certificate/],
  ['of OpenSSH', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3Bl\n-----END OPENSSH PRIVATE KEY-----', /OpenSSH/],
  ['a JWK', JSON.stringify(keys.privateKey.export({ format: 'jwk' })), /JSON/],
  ['a path', '/run/secrets/vonage.pem', /path/],
  ['a path in a folder of a mount', '/var/run/secrets/vonage/key', /path/],
  ['a path from here', 'keys/private.key', /path/],
  ['an opening quote', '"-----BEGIN PRIVATE KEY-----', /quotes/],
  ['cut off', pkcs8.slice(0, 400), /cut off/],
  ['its first line', '-----BEGIN PRIVATE KEY-----', /cut off/],
  ['damaged', pkcs8.replace(/\nMII/, '\nAAA'), /damaged/],
  ['the inside alone', pkcs8.replace(/-----.*\n/g, ''), /inside/],
  ['no PEM', 'canary-garbage', /not a PEM/],
  ['empty', '', /not a PEM/],
]

for (const [what, text, word] of faults)
  test(`what is no RSA key is told by its kind, and not a piece of it: ${what}`, async (t) => {
    const { key, fault } = readKeyText(text, ['RSA'])
    t.equal(key, undefined)
    t.match(fault ?? '', word)
    for (const piece of text.match(/[\w+/]{20,}/g) ?? []) t.ok(!fault?.includes(piece))
    t.notMatch(fault ?? '', /canary|vonage/)
  })

test('every kind that is accepted is named, with the way to make the first', async (t) => {
  const accepted: KeyKinds = ['EC P-256', 'Ed25519', 'RSA']
  const { fault = '' } = readKeyText(privatePem(createRsaKeys(1024)), accepted)
  for (const kind of accepted) t.ok(fault.includes(kind))
  t.match(fault, /openssl genpkey -algorithm EC /)
})
