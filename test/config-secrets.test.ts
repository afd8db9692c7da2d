/** The private key, and secrets from files: what is accepted, and that nothing of what is refused is ever repeated. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { parseConfig } from '../src/config.ts'
import { requiredSettings } from './support/environment.ts'
import { createRsaKeys, privatePem } from './support/keys.ts'
import { namesOf, problemsOf } from './support/settings.ts'

const good = requiredSettings()
const keys = createRsaKeys()
const pkcs8 = privatePem(keys)
const pkcs1 = keys.privateKey.export({ type: 'pkcs1', format: 'pem' }).toString()
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).privateKey
const encrypted = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' } as const

const goodKeys = {
  'PKCS#8': pkcs8,
  'PKCS#1': pkcs1,
  'CRLF line ends': pkcs8.replaceAll('\n', '\r\n'),
  'text before the PEM': `Bag Attributes\n${pkcs8}`,
}

for (const [form, pem] of Object.entries(goodKeys))
  test(`a private key is accepted as ${form}, also with its line breaks written as \\n`, () => {
    assert.equal(parseConfig({ ...good, VONAGE_PRIVATE_KEY: pem }).VONAGE_PRIVATE_KEY, pem)
    const escaped = pem.replaceAll('\n', '\\n')
    assert.equal(parseConfig({ ...good, VONAGE_PRIVATE_KEY: escaped }).VONAGE_PRIVATE_KEY, pem)
  })

const badKeys = {
  'an RSA key of 1024 bits': privatePem(createRsaKeys(1024)),
  'an RSA key of 2040 bits': privatePem(createRsaKeys(2040)),
  'an EC key': ec.export({ type: 'pkcs8', format: 'pem' }).toString(),
  'an RSA-PSS key': pss.export({ type: 'pkcs8', format: 'pem' }).toString(),
  'an encrypted key': keys.privateKey.export(encrypted).toString(),
  'a public key': keys.publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  'a cut-off key': pkcs8.slice(0, 400),
  'a key without line breaks': pkcs8.replaceAll('\n', ''),
  'no PEM': 'canary-garbage',
}

for (const [kind, pem] of Object.entries(badKeys))
  test(`the private key is reported without a piece of it when it is ${kind}`, () => {
    const problems = problemsOf({ ...good, VONAGE_PRIVATE_KEY: pem })
    assert.deepEqual(
      problems.map(([name]) => name),
      ['VONAGE_PRIVATE_KEY'],
    )
    for (const line of pem.split('\n')) assert.ok(line === '' || !problems[0]?.[1].includes(line))
  })

/** @returns a folder that goes with the test */
function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'config-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

test('the private key is read from the file that VONAGE_PRIVATE_KEY_FILE names', (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, pkcs8)
  const environment = { ...good, VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: file }
  assert.equal(parseConfig(environment).VONAGE_PRIVATE_KEY, pkcs8)
  assert.equal(parseConfig({ ...environment, VONAGE_PRIVATE_KEY: '' }).VONAGE_PRIVATE_KEY, pkcs8)
  assert.equal(
    parseConfig({ ...good, VONAGE_PRIVATE_KEY_FILE: '' }).VONAGE_PRIVATE_KEY,
    good.VONAGE_PRIVATE_KEY,
  )
})

test('where a private key came from is known for a file, and of nothing else', (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, pkcs8)
  const next = parseConfig({ ...good, VONAGE_PRIVATE_KEY_NEXT_FILE: file })
  assert.equal(next.VONAGE_PRIVATE_KEY_NEXT, pkcs8)
  assert.equal(next.VONAGE_PRIVATE_KEY_NEXT_FILE, file)
  assert.equal('VONAGE_PRIVATE_KEY_FILE' in next, false)
  assert.equal('VONAGE_PRIVATE_KEY_FILE' in parseConfig({ ...good, VONAGE_PRIVATE_KEY_FILE: '' }), false)
})

test('a private key given twice is reported, even the same one', (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, pkcs8)
  assert.deepEqual(namesOf({ ...good, VONAGE_PRIVATE_KEY: pkcs8, VONAGE_PRIVATE_KEY_FILE: file }), [
    'VONAGE_PRIVATE_KEY',
  ])
})

test('a key file that cannot be used is reported without its path or content', (t) => {
  const path = folder(t)
  mkdirSync(join(path, 'canary-folder'))
  writeFileSync(join(path, 'canary-empty'), '')
  writeFileSync(join(path, 'canary-garbage'), 'canary')
  for (const name of ['canary-missing', 'canary-folder', 'canary-empty', 'canary-garbage', 'canary\0']) {
    const environment = { ...good, VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: join(path, name) }
    const problems = problemsOf(environment)
    assert.deepEqual(
      problems.map(([named]) => named),
      ['VONAGE_PRIVATE_KEY'],
      name,
    )
    assert.doesNotMatch(JSON.stringify(problems), /canary|config-/)
  }
})

test('only a secret can come from a file', (t) => {
  const file = join(folder(t), 'audience')
  writeFileSync(file, 'https://bff.example.com')
  assert.deepEqual(namesOf({ ...good, AUTH_AUDIENCE: undefined, AUTH_AUDIENCE_FILE: file }), [
    'AUTH_AUDIENCE',
  ])
})
