/** The private key, and secrets from files: what is accepted, and that nothing of what is refused is ever repeated. */

import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Environment, parseConfig } from '../src/config.ts'
import { receiptSettings, requiredSettings } from './support/environment.ts'
import { createKeys, createRsaKeys, privatePem } from './support/keys.ts'
import { createSelfSignedPem } from './support/self-signed-certificate.ts'
import { namesOf, problemsOf } from './support/settings.ts'

const good = requiredSettings()
const keys = createRsaKeys()
const pkcs8 = privatePem(keys)
const pkcs1 = keys.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()

/** Of the settings, the key and where it came from. */
const keyOf = (environment: Environment) => {
  const { VONAGE_PRIVATE_KEY, VONAGE_PRIVATE_KEY_FILE } = parseConfig(environment)
  return [VONAGE_PRIVATE_KEY, VONAGE_PRIVATE_KEY_FILE]
}

test('a private key is the same PEM in the end, however it is written', async (t) => {
  const base64 = Buffer.from(pkcs8).toString('base64')
  for (const text of [pkcs8, pkcs1, pkcs8.replaceAll('\n', '\\n'), pkcs8.replaceAll('\n', ' '), base64])
    t.strictSame(keyOf({ ...good, VONAGE_PRIVATE_KEY: text }), [pkcs8, undefined])
})

test('certificates are the same PEM in the end, however they are written, and other secrets are left as they are', async (t) => {
  const pem = createSelfSignedPem(keys)
  for (const text of [pem, pem.replaceAll('\n', '\\n'), pem.replaceAll('\n', ' '), `${pem} `])
    t.equal(parseConfig({ ...good, REDIS_CA: text }).REDIS_CA, pem)
  t.equal(parseConfig({ ...good, REDIS_SENTINEL_MASTER: 'a\\nb' }).REDIS_SENTINEL_MASTER, 'a\\nb')
})

test('a client certificate and its key are given both or not at all, and belong together', async (t) => {
  const REDIS_CERTIFICATE = createSelfSignedPem(keys)
  const REDIS_KEY = pkcs1
  t.strictSame(namesOf({ ...good, REDIS_CERTIFICATE, REDIS_KEY }), [])
  t.strictSame(namesOf({ ...good, REDIS_CERTIFICATE }), ['REDIS_KEY'])
  t.strictSame(namesOf({ ...good, REDIS_KEY }), ['REDIS_CERTIFICATE'])
  t.strictSame(namesOf({ ...good, REDIS_CERTIFICATE, REDIS_KEY: privatePem(createRsaKeys()) }), ['REDIS_KEY'])
  t.strictSame(namesOf({ ...good, REDIS_CERTIFICATE: 'canary', REDIS_KEY }), ['REDIS_CERTIFICATE'])
})

test('a private key that cannot be used is reported without a piece of it, also from a file', async (t) => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
  const pem = ec.export({ type: 'pkcs8', format: 'pem' }).toString()
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, pem)
  for (const given of [
    { VONAGE_PRIVATE_KEY: pem },
    { VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: file },
  ]) {
    const [[name, text] = [], ...more] = problemsOf({ ...good, ...given })
    t.strictSame([name, more], ['VONAGE_PRIVATE_KEY', []])
    for (const line of pem.split('\n')) t.ok(line === '' || !text?.includes(line))
    t.equal(text?.includes(file), 'VONAGE_PRIVATE_KEY_FILE' in given)
  }
})

/** @returns a folder that goes with the test */
function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'config-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

test('the private key is read from the file that VONAGE_PRIVATE_KEY_FILE names', async (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, pkcs8)
  const environment = { ...good, VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: file }
  t.equal(parseConfig(environment).VONAGE_PRIVATE_KEY, pkcs8)
  t.equal(parseConfig({ ...environment, VONAGE_PRIVATE_KEY: '' }).VONAGE_PRIVATE_KEY, pkcs8)
  t.equal(parseConfig({ ...good, VONAGE_PRIVATE_KEY_FILE: '' }).VONAGE_PRIVATE_KEY, good.VONAGE_PRIVATE_KEY)
})

test('where a private key came from is known for a file, and of nothing else', async (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, pkcs8)
  const next = parseConfig({ ...good, VONAGE_PRIVATE_KEY_NEXT_FILE: file })
  t.equal(next.VONAGE_PRIVATE_KEY_NEXT, pkcs8)
  t.equal(next.VONAGE_PRIVATE_KEY_NEXT_FILE, file)
  t.equal('VONAGE_PRIVATE_KEY_FILE' in next, false)
  t.equal('VONAGE_PRIVATE_KEY_FILE' in parseConfig({ ...good, VONAGE_PRIVATE_KEY_FILE: '' }), false)
})

test('a private key given twice is reported, even the same one', async (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, pkcs8)
  t.strictSame(namesOf({ ...good, VONAGE_PRIVATE_KEY: pkcs8, VONAGE_PRIVATE_KEY_FILE: file }), [
    'VONAGE_PRIVATE_KEY',
  ])
})

test('a key file that cannot be used is reported with its path and without its content', async (t) => {
  const path = folder(t)
  mkdirSync(join(path, 'folder'))
  writeFileSync(join(path, 'empty'), '\n')
  writeFileSync(join(path, 'garbage'), 'canary')
  for (const [name, code] of [
    ['missing', 'ENOENT'],
    ['folder', 'EISDIR'],
    ['empty', ''],
    ['garbage', ''],
  ] as const) {
    const environment = { ...good, VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: join(path, name) }
    const [[named, text = ''] = [], ...more] = problemsOf(environment)
    t.strictSame([named, more], ['VONAGE_PRIVATE_KEY', []])
    t.ok(text.includes(join(path, name)) && text.includes(code), text)
    t.notMatch(text, /canary/)
  }
})

test('only a secret can come from a file', async (t) => {
  const file = join(folder(t), 'audience')
  writeFileSync(file, 'https://bff.example.com')
  t.strictSame(namesOf({ ...good, AUTH_AUDIENCE: undefined, AUTH_AUDIENCE_FILE: file }), [
    'AUTH_AUDIENCE_FILE',
    'AUTH_AUDIENCE',
  ])
})

test('a key for receipts may be of three kinds, and what is not is told by its kind alone', async (t) => {
  const { RECEIPT_PRIVATE_KEY: _, ...others } = receiptSettings()
  for (const pair of [createKeys('EC P-256'), createKeys('Ed25519'), keys])
    for (const name of ['RECEIPT_PRIVATE_KEY', 'RECEIPT_PRIVATE_KEY_NEXT'])
      parseConfig({ ...good, ...receiptSettings(), [name]: privatePem(pair) })
  for (const [pair, kind] of [
    [createKeys('EC P-384'), 'secp384r1'],
    [createRsaKeys(1024), '1024'],
    [generateKeyPairSync('x25519'), 'X25519'],
  ] as const) {
    const pem = privatePem(pair)
    const [[name, text = ''] = [], ...more] = problemsOf({ ...good, ...others, RECEIPT_PRIVATE_KEY: pem })
    t.strictSame([name, more], ['RECEIPT_PRIVATE_KEY', []])
    t.ok(text.includes(kind))
    for (const line of pem.split('\n')) t.ok(line === '' || !text.includes(line))
  }
})

const receipts = receiptSettings()
const unset = Object.fromEntries(Object.keys(receipts).map((name) => [name, undefined]))

for (const [given, missing] of [
  [['RECEIPT_PRIVATE_KEY'], ['RECEIPT_ISSUER', 'RECEIPT_AUDIENCE']],
  [['RECEIPT_PRIVATE_KEY', 'RECEIPT_AUDIENCE'], ['RECEIPT_ISSUER']],
  [['RECEIPT_PRIVATE_KEY', 'RECEIPT_ISSUER'], ['RECEIPT_AUDIENCE']],
  [['RECEIPT_ISSUER'], ['RECEIPT_ISSUER']],
  [['RECEIPT_AUDIENCE'], ['RECEIPT_AUDIENCE']],
  [
    ['RECEIPT_ISSUER', 'RECEIPT_AUDIENCE'],
    ['RECEIPT_ISSUER', 'RECEIPT_AUDIENCE'],
  ],
] as const)
  test(`${given.join(' and ')} alone is a problem of ${missing.join(' and ')}`, async (t) => {
    const settings = Object.fromEntries(given.map((name) => [name, receipts[name]]))
    t.strictSame(namesOf({ ...good, ...unset, ...settings }), missing)
  })

test('a next key for receipts without one, an empty audience, and a wrong key are each one problem', async (t) => {
  const { RECEIPT_PRIVATE_KEY: pem } = receipts
  t.strictSame(namesOf({ ...good, RECEIPT_PRIVATE_KEY_NEXT: pem }), ['RECEIPT_PRIVATE_KEY_NEXT'])
  t.strictSame(namesOf({ ...good, ...receipts, RECEIPT_AUDIENCE: ',' }), ['RECEIPT_AUDIENCE'])
  t.strictSame(namesOf({ ...good, ...receipts, RECEIPT_PRIVATE_KEY: 'a' }), ['RECEIPT_PRIVATE_KEY'])
  t.strictSame(namesOf({ ...good, ...receipts, RECEIPT_ISSUER: 'http://a.example' }), ['RECEIPT_ISSUER'])
  t.strictSame(namesOf({ ...good, RECEIPT_LIFETIME_SECONDS: '60' }), [])
})
