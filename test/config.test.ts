/** The settings: every problem at once and by name, no value ever repeated, and the defaults of the public contract. */
import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { ConfigError, type Environment, isUpstreamUrl, parseConfig, settings } from '../src/config.ts'
import { requiredSettings } from './support/environment.ts'
import { createRsaKeys, privatePem } from './support/keys.ts'
import { badValues, defaults, required } from './support/settings.ts'

const good = requiredSettings()

/** @returns the problems, each as the variable that it names and what it says */
function problemsOf(environment: Environment): [name: string, text: string][] {
  try {
    parseConfig(environment)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.map((problem) => {
      const [name = '', text = ''] = problem.split(/: (.*)/s)
      return [name, text]
    })
  }
  return []
}

const namesOf = (environment: Environment) => problemsOf(environment).map(([name]) => name)

test('every required setting that is missing is reported at once', () => {
  assert.deepEqual(namesOf({}).sort(), [...required].sort())
})

for (const name of required)
  test(`${name} alone is reported when it alone is missing or empty`, () => {
    assert.deepEqual(namesOf({ ...good, [name]: undefined }), [name])
    assert.deepEqual(namesOf({ ...good, [name]: '' }), [name])
  })

for (const [name, value] of badValues)
  test(`${name} is reported by name and without its value when it is ${JSON.stringify(value)}`, () => {
    const problems = problemsOf({ ...good, [name]: value })
    assert.deepEqual(
      problems.map(([named]) => named),
      [name],
    )
    assert.ok(problems.every(([, text]) => text !== '' && !text.includes(value)))
    for (const secret of value.match(/canary/g) ?? []) assert.ok(!JSON.stringify(problems).includes(secret))
  })

test('problems of every kind are reported together, each once', () => {
  const environment = {
    VONAGE_PRIVATE_KEY_FILE: '/nonexistent',
    AUTH_AUDIENCE: 'a',
    ...Object.fromEntries(badValues),
  }
  const expected = new Set([
    ...required.filter((name) => name !== 'AUTH_AUDIENCE'),
    ...badValues.map(([name]) => name),
  ])
  assert.deepEqual(namesOf(environment).sort(), [...expected].sort())
})

test('an error about the settings says nothing of them beside its problems', () => {
  const environment = { ...good, PORT: 'canary' }
  assert.throws(
    () => parseConfig(environment),
    (error: Error) => !`${error.stack}${error.message}`.includes('canary'),
  )
})

test('the settings are those of the contract', () => {
  const known = [...required, ...Object.keys(defaults)]
  assert.deepEqual(
    Object.keys(settings.properties).filter((name) => !known.includes(name)),
    [],
  )
})

test('every setting that is not given has the default of the contract', () => {
  const config = parseConfig(good) as Record<string, unknown>
  for (const name of Object.keys(settings.properties))
    if (!required.includes(name)) assert.deepEqual(config[name], defaults[name], name)
})

test('an empty variable counts as not given', () => {
  const empty = Object.fromEntries(Object.keys(defaults).map((name) => [name, '']))
  assert.deepEqual(parseConfig({ ...empty, ...good }), parseConfig(good))
})

test('a variable that is no setting is ignored', () => {
  assert.deepEqual(parseConfig({ ...good, PATH: '/bin', VONAGE_PRIVATE_KEYS: 'x' }), parseConfig(good))
})

test('every kind of setting is read', () => {
  const config = parseConfig({
    ...good,
    PORT: '8080',
    HOST: '::',
    LOG_LEVEL: 'warn',
    ALLOW_INSECURE_UPSTREAM: 'true',
    TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1 ,2001:db8::/32,::1',
    AUTH_ALGORITHMS: 'ES256',
    AUTH_REQUIRED_SCOPE: 'number:verify',
    VONAGE_SCOPES: 'a#b, c ,,d',
    VONAGE_AUTH_URL_HOSTS: 'api-eu.vonage.com,*.vonage.com',
    ALLOWED_CALLING_CODES: '34,49,990',
  })
  assert.equal(config.PORT, 8080)
  assert.equal(config.HOST, '::')
  assert.equal(config.LOG_LEVEL, 'warn')
  assert.equal(config.ALLOW_INSECURE_UPSTREAM, true)
  assert.deepEqual(config.TRUSTED_PROXIES, ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1'])
  assert.deepEqual(config.AUTH_ALGORITHMS, ['ES256'])
  assert.equal(config.AUTH_REQUIRED_SCOPE, 'number:verify')
  assert.deepEqual(config.VONAGE_SCOPES, ['a#b', 'c', 'd'])
  assert.deepEqual(config.VONAGE_AUTH_URL_HOSTS, ['api-eu.vonage.com', '*.vonage.com'])
  assert.deepEqual(config.ALLOWED_CALLING_CODES, ['34', '49', '990'])
})

test('the settings are frozen, and their lists as well', () => {
  const config = parseConfig({ ...good, TRUSTED_PROXIES: '10.0.0.0/8' })
  assert.ok(Object.isFrozen(config))
  for (const [name, value] of Object.entries(config)) assert.ok(Object.isFrozen(value), name)
})

test('one environment never changes the defaults of the next', () => {
  const before = structuredClone(parseConfig(good))
  parseConfig({ ...good, AUTH_ALGORITHMS: 'ES256', TRUSTED_PROXIES: '10.0.0.0/8' })
  assert.deepEqual(parseConfig(good), before)
})

const upstreamUrls = [
  'AUTH_ISSUER',
  'AUTH_JWKS_URI',
  'VONAGE_API_URL',
  'VONAGE_TOKEN_URL',
  'VONAGE_REDIRECT_URI',
]

for (const name of upstreamUrls)
  test(`${name} may be plain http for loopback, and elsewhere only when that is allowed`, () => {
    for (const host of ['localhost:4000', '127.0.0.1:4000', '127.8.9.1', '[::1]:4000'])
      assert.deepEqual(namesOf({ ...good, [name]: `http://${host}/path` }), [], host)
    const insecure = { ...good, [name]: 'http://simulator:4000/path' }
    assert.deepEqual(namesOf(insecure), [name])
    assert.deepEqual(namesOf({ ...insecure, ALLOW_INSECURE_UPSTREAM: 'false' }), [name])
    assert.deepEqual(namesOf({ ...insecure, ALLOW_INSECURE_UPSTREAM: 'true' }), [])
  })

test('allowing plain http allows nothing else', () => {
  for (const url of ['ftp://a', 'file:///etc/passwd', 'http://user:word@a', 'http://a/#b', 'a', ''])
    assert.equal(isUpstreamUrl(url, true), false, url)
})

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
