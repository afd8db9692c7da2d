/** Which of the provider's published keys are taken, from where, and that a bad answer gives none. Real servers and real keys. */

import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { test } from 'tap'
import { ProviderError } from '../../src/idp/provider-trouble.ts'
import { fetchSigningKeys, type SigningKeysSource } from '../../src/idp/signing-keys.ts'
import { type DocumentServer, openDocumentServer } from '../support/document-server.ts'
import { createRsaKeys } from '../support/keys.ts'
import { fail } from '../support/must.ts'

type Members = Record<string, unknown>

const discoveryPath = '/.well-known/openid-configuration'
const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA']

const rsa = createRsaKeys()
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const ed = generateKeyPairSync('ed25519')
const good = jwk(ec.publicKey, { kid: 'good' })

function jwk(key: KeyObject, members: Members = {}): Members {
  return { ...key.export({ format: 'jwk' }), ...members }
}

/** The same modulus, written longer. */
function zeroPadded(key: KeyObject, bytes: number): Members {
  const n = Buffer.from(String(jwk(key).n), 'base64url')
  return jwk(key, { n: Buffer.concat([Buffer.alloc(bytes - n.length), n]).toString('base64url') })
}

function sourceOf({ origin }: DocumentServer, overrides: Partial<SigningKeysSource> = {}): SigningKeysSource {
  const issuer = origin
  return { issuer, jwksUri: `${origin}/jwks`, algorithms, isAllowedUrl: () => true, ...overrides }
}

const taken: Array<[what: string, key: Members]> = [
  ['an RSA key of 2048 bits', jwk(rsa.publicKey)],
  ['an RSA key of 2048 bits behind leading zeros', zeroPadded(rsa.publicKey, 300)],
  ['an RSA key of 3072 bits', jwk(createRsaKeys(3072).publicKey)],
  ['an EC key', jwk(ec.publicKey)],
  ['an Ed25519 key', jwk(ed.publicKey)],
  [
    'a key for signatures with a name and an algorithm',
    jwk(ec.publicKey, { kid: '1', use: 'sig', alg: 'ES256' }),
  ],
  [
    'a key with a certificate',
    jwk(rsa.publicKey, { x5c: ['AA=='], x5t: 'AA', 'x5t#S256': 'AA', key_ops: ['verify'] }),
  ],
  ['a key with members that we do not know', jwk(ec.publicKey, { x5t: 'AA', 'https://example.com/x': [1] })],
]
for (const [what, key] of taken)
  test(`takes ${what}`, async (t) => {
    const server = await openDocumentServer(t, { '/jwks': { keys: [key] } })
    t.strictSame(await fetchSigningKeys(sourceOf(server)), [key])
  })

const leftOut: Array<[what: string, key: unknown]> = [
  ['a symmetric key', { kty: 'oct', kid: '1', k: 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' }],
  ['a symmetric key for HS256', { kty: 'oct', alg: 'HS256', use: 'sig', k: 'AAAA' }],
  ['an RSA key of 1024 bits', jwk(createRsaKeys(1024).publicKey)],
  ['an RSA key of 2047 bits', jwk(createRsaKeys(2047).publicKey)],
  ['an RSA key of 1024 bits behind leading zeros', zeroPadded(createRsaKeys(1024).publicKey, 256)],
  ['an RSA modulus of zeros', jwk(rsa.publicKey, { n: Buffer.alloc(256).toString('base64url') })],
  ['an RSA key without a modulus', { kty: 'RSA', e: 'AQAB' }],
  ['an RSA modulus that is not a text', jwk(rsa.publicKey, { n: 5 })],
  ['a private RSA key', jwk(rsa.privateKey)],
  ['a private EC key', jwk(ec.privateKey)],
  ['a private Ed25519 key', jwk(ed.privateKey)],
  ['a key for encryption', jwk(rsa.publicKey, { use: 'enc' })],
  ['a key for a use that we do not know', jwk(rsa.publicKey, { use: 'SIG' })],
  ['a key for an algorithm outside the list', jwk(rsa.publicKey, { alg: 'RS512' })],
  ['an RSA key declared for HS256', jwk(rsa.publicKey, { alg: 'HS256' })],
  ['a key whose kid is a number', jwk(ec.publicKey, { kid: 1 })],
  ['a key without a kty', jwk(ec.publicKey, { kty: undefined })],
  ['a key that is null', null],
  ['a key that is a text', 'key'],
]
for (const [what, key] of leftOut)
  test(`leaves out ${what}, and rejects when there is no other`, async (t) => {
    const server = await openDocumentServer(t, { '/jwks': { keys: [key, good] } })
    t.strictSame(await fetchSigningKeys(sourceOf(server)), [good])
    server.documents.set('/jwks', { keys: [key] })
    await t.rejects(fetchSigningKeys(sourceOf(server)), Error)
  })

const notKeySets: Array<[what: string, document: unknown]> = [
  ['an empty list of keys', { keys: [] }],
  ['an object without keys', {}],
  ['a bare list', [good]],
  ['keys that are an object', { keys: { good } }],
  ['null', null],
]
for (const [what, document] of notKeySets)
  test(`rejects when the key set is ${what}`, async (t) => {
    const server = await openDocumentServer(t, { '/jwks': document })
    await t.rejects(fetchSigningKeys(sourceOf(server)), Error)
    t.strictSame(server.paths(), ['/jwks'])
  })

test('asks only the fixed URL when there is one', async (t) => {
  const server = await openDocumentServer(t, { '/jwks': { keys: [good] } })
  const isAllowedUrl = () => fail('not a discovered URL')
  t.strictSame(await fetchSigningKeys(sourceOf(server, { isAllowedUrl })), [good])
  t.strictSame(server.paths(), ['/jwks'])
})

for (const issuerPath of ['', '/', '/tenant', '/tenant/'])
  test(`discovers the key set of an issuer whose path is ${issuerPath || 'empty'}`, async (t) => {
    const keys = await openDocumentServer(t, { '/jwks': { keys: [good] } })
    const server = await openDocumentServer(t)
    const issuer = `${server.origin}${issuerPath}`
    const path = `${issuerPath.replace(/\/$/, '')}${discoveryPath}`
    server.documents.set(path, { issuer, jwks_uri: `${keys.origin}/jwks` })
    const asked: string[] = []
    const isAllowedUrl = (url: string) => asked.push(url) > 0
    const source = sourceOf(server, { issuer, jwksUri: undefined, isAllowedUrl })
    t.strictSame(await fetchSigningKeys(source), [good])
    t.strictSame([server.paths(), keys.paths(), asked], [[path], ['/jwks'], [`${keys.origin}/jwks`]])
  })

const badDiscoveries: Array<[what: string, change: (origin: string) => Members]> = [
  ['is of another issuer', () => ({ issuer: 'https://evil.example' })],
  ['is of the issuer with a slash behind it', (origin) => ({ issuer: `${origin}/` })],
  ['is of an issuer below ours', (origin) => ({ issuer: `${origin}/tenant` })],
  ['names no issuer', () => ({ issuer: undefined })],
  ['names no key set', () => ({ jwks_uri: undefined })],
  ['names a list of key sets', (origin) => ({ jwks_uri: [`${origin}/jwks`] })],
]
for (const [what, change] of badDiscoveries)
  test(`rejects, and fetches no keys, when the discovery document ${what}`, async (t) => {
    const server = await openDocumentServer(t, { '/jwks': { keys: [good] } })
    const { origin } = server
    server.documents.set(discoveryPath, { issuer: origin, jwks_uri: `${origin}/jwks`, ...change(origin) })
    await t.rejects(fetchSigningKeys(sourceOf(server, { jwksUri: undefined })), Error)
    t.strictSame(server.paths(), [discoveryPath])
  })

test('rejects a discovered key set over plain http when that is not allowed', async (t) => {
  const server = await openDocumentServer(t, { '/jwks': { keys: [good] } })
  server.documents.set(discoveryPath, { issuer: server.origin, jwks_uri: `${server.origin}/jwks` })
  const isAllowedUrl = (url: string) => url.startsWith('https:')
  await t.rejects(fetchSigningKeys(sourceOf(server, { jwksUri: undefined, isAllowedUrl })), Error)
  t.strictSame(server.paths(), [discoveryPath])
})

for (const path of [discoveryPath, '/jwks'])
  test(`follows no redirect of ${path}`, async (t) => {
    const server = await openDocumentServer(t, { '/elsewhere': { keys: [good] } })
    const { origin } = server
    server.documents.set(discoveryPath, { issuer: origin, jwks_uri: `${origin}/jwks` })
    server.documents.set(path, (_request: IncomingMessage, response: ServerResponse) =>
      response.writeHead(302, { location: '/elsewhere' }).end(),
    )
    await t.rejects(fetchSigningKeys(sourceOf(server, { jwksUri: undefined })), ProviderError)
    t.equal(server.paths().at(-1), path)
  })

for (const [path, fetches] of [
  [discoveryPath, 1],
  ['/jwks', 2],
] as const)
  test(`gives up when ${path} hangs: the deadline is 5 seconds, here a hundredth of it`, async (t) => {
    const timeout = AbortSignal.timeout.bind(AbortSignal)
    const shortened = t.capture(AbortSignal, 'timeout', (ms: number) => timeout(ms / 100))
    const server = await openDocumentServer(t)
    server.documents.set(discoveryPath, { issuer: server.origin, jwks_uri: `${server.origin}/jwks` })
    server.documents.set(path, () => undefined)
    const fetching = fetchSigningKeys(sourceOf(server, { jwksUri: undefined }))
    await t.rejects(fetching, { name: 'TimeoutError' })
    const deadlines = shortened().map(({ args }) => args[0])
    t.strictSame(deadlines, Array(fetches).fill(5000))
  })
