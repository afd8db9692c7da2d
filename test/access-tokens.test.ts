/** Access tokens as the settings describe them: where the keys come from, and what is told when they do not come. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { keysSources, openAccessTokens } from '../src/access-tokens.ts'
import { type Environment, parseConfig } from '../src/config.ts'
import { createFakeClock } from './support/clock.ts'
import { type DocumentServer, openDocumentServer } from './support/document-server.ts'
import { requiredSettings } from './support/environment.ts'
import { rejectsWith } from './support/failure.ts'
import { fail } from './support/must.ts'
import { recordLog } from './support/public-server.ts'
import { audience, createTokenProvider, issuedAt } from './support/token-provider.ts'

const provider = createTokenProvider()
const discoveryPath = '/.well-known/openid-configuration'

async function open(t: Test, { origin }: DocumentServer, changes: Environment = {}) {
  const { logger, log } = recordLog(t)
  const clock = createFakeClock(issuedAt * 1000)
  const settings = { ...requiredSettings(), AUTH_ISSUER: origin, AUTH_AUDIENCE: audience, ...changes }
  const digest = (text: string) => `digest of ${text}`
  const accessTokens = await openAccessTokens(parseConfig(settings), { clock, digest, log: logger })
  const tokenOf = (claims = {}) => provider.token({ claims: { iss: origin, ...claims } })
  return { ...accessTokens, clock, log, tokenOf, settings }
}

/** The reasons that were logged, once there are so many. */
async function reasonsIn({ lines }: { lines: readonly string[] }, count: number): Promise<unknown[]> {
  while (lines.length < count) await setTimeout(5)
  return lines.map((line) => JSON.parse(line).reason)
}

test('the keys are discovered, and a good token names its caller', async (t) => {
  const server = await openDocumentServer(t, { '/keys': provider.keySet })
  const { origin } = server
  server.documents.set(discoveryPath, { issuer: origin, jwks_uri: `${origin}/keys` })
  const { verify, warm, keyAgeSeconds, log, tokenOf } = await open(t, server)
  t.equal(keyAgeSeconds(), undefined)
  warm()
  t.equal((await verify(tokenOf())).pseudonym, 'digest of canary-subject')
  t.equal(keyAgeSeconds(), 0)
  t.strictSame(log.lines, [])
})

test('a discovered URL must be as good as a configured one', async (t) => {
  const [{ isAllowedUrl } = fail()] = keysSources(parseConfig(requiredSettings()))
  t.strictSame([isAllowedUrl('https://a.example/keys'), isAllowedUrl('http://a.example/keys')], [true, false])
})

test('the metadata of RFC 8414 are read where there is no OpenID discovery', async (t) => {
  const server = await openDocumentServer(t, { '/keys': provider.keySet })
  const issuer = `${server.origin}/tenant`
  server.documents.set('/.well-known/oauth-authorization-server/tenant', {
    issuer,
    jwks_uri: `${server.origin}/keys`,
  })
  const { verify, tokenOf } = await open(t, server, { AUTH_ISSUER: issuer })
  t.equal((await verify(tokenOf({ iss: issuer }))).sub, 'canary-subject')
})

test('an issuer that is no URL goes with a key set', async (t) => {
  const server = await openDocumentServer(t, { '/keys': provider.keySet })
  const { verify, tokenOf } = await open(t, server, {
    AUTH_ISSUER: 'acme.com',
    AUTH_JWKS_URI: `${server.origin}/keys`,
  })
  t.equal((await verify(tokenOf({ iss: 'acme.com' }))).subject, 'canary-subject')
})

test('two issuers have their own keys, ages and warnings', async (t) => {
  const [one, two] = [await openDocumentServer(t), await openDocumentServer(t)]
  for (const { origin, documents } of [one, two])
    documents.set(discoveryPath, { issuer: origin, jwks_uri: `${origin}/keys` })
  two.documents.set('/keys', provider.keySet)
  const { verify, warm, keyAgeSeconds, clock, log, tokenOf } = await open(t, one, {
    AUTH_ISSUER: `${one.origin},${two.origin}`,
  })
  warm()
  const { subject } = await verify(tokenOf({ iss: two.origin }))
  t.equal(subject, JSON.stringify([two.origin, 'canary-subject']))
  t.strictSame(await reasonsIn(log, 1), ['status 404'])
  t.ok(log.lines[0]?.includes(one.origin))
  clock.advance(2000)
  t.equal(keyAgeSeconds(), 2)
  one.documents.set('/keys', provider.keySet)
  await verify(tokenOf())
  t.equal(keyAgeSeconds(), 2, 'of the oldest')
})

test('an opaque token is asked about, and a withdrawn one is refused within 60 seconds', async (t) => {
  const server = await openDocumentServer(t)
  const { origin, documents, requests } = server
  const claims = { iss: origin, aud: audience, sub: 'alice', exp: issuedAt + 3600, client_id: 'app' }
  documents.set('/introspect', { active: true, ...claims })
  const { verify, log, clock } = await open(t, server, {
    AUTH_INTROSPECTION_URI: `${origin}/introspect`,
    AUTH_INTROSPECTION_CLIENT_ID: 'bff',
    AUTH_INTROSPECTION_CLIENT_SECRET: 'secret',
  })
  t.strictSame(await verify('opaque'), {
    subject: 'alice',
    sub: 'alice',
    pseudonym: 'digest of alice',
    clientId: 'app',
  })
  documents.set('/introspect', { active: false })
  clock.advance(59_999)
  t.equal((await verify('opaque')).sub, 'alice')
  t.equal(requests.length, 1)
  clock.advance(1)
  await rejectsWith(t, verify('opaque'), 'invalid_token')
  documents.delete('/introspect')
  await rejectsWith(t, verify('another'), 'idp_unavailable')
  await rejectsWith(t, verify('another'), 'idp_unavailable')
  t.strictSame(await reasonsIn(log, 1), ['status 404'])
})

test('a provider that changes its mind about a token is followed within 60 seconds, and one that is away for 10 comes back', async (t) => {
  const server = await openDocumentServer(t)
  const { origin, documents } = server
  const claims = { iss: origin, aud: audience, sub: 'alice', exp: issuedAt + 3600 }
  const { verify, clock } = await open(t, server, {
    AUTH_INTROSPECTION_URI: `${origin}/introspect`,
    AUTH_INTROSPECTION_CLIENT_ID: 'bff',
    AUTH_INTROSPECTION_CLIENT_SECRET: 'secret',
  })
  for (let change = 0; change < 10; change++) {
    const active = change % 2 === 0
    documents.set('/introspect', { active, ...claims })
    clock.advance(60_000)
    if (active) t.equal((await verify('token')).sub, 'alice')
    else await rejectsWith(t, verify('token'), 'invalid_token')
  }
  documents.set('/introspect', { active: true, ...claims })
  clock.advance(60_000)
  await verify('token')
  documents.delete('/introspect')
  for (let second = 0; second < 10; second++) {
    await rejectsWith(t, verify(`new-${second}`), 'idp_unavailable')
    t.equal((await verify('token')).sub, 'alice', 'what is remembered goes on')
    clock.advance(1000)
  }
  documents.set('/introspect', { active: true, ...claims })
  clock.advance(5000)
  t.equal((await verify('new')).sub, 'alice')
  clock.jumpWall(-3_600_000)
  clock.advance(60_000)
  t.equal((await verify('token')).sub, 'alice')
})

test('a token whose audience is its own client is warned of where several audiences are allowed', async (t) => {
  const server = await openDocumentServer(t, { '/keys': provider.keySet })
  const changes = { AUTH_JWKS_URI: `${server.origin}/keys`, AUTH_AUDIENCE: `${audience},app` }
  const { verify, log, tokenOf } = await open(t, server, changes)
  const client = { client_id: undefined, azp: 'app' }
  await verify(tokenOf(client))
  t.strictSame(log.lines, [])
  await verify(tokenOf({ ...client, aud: 'app' }))
  await verify(tokenOf({ ...client, aud: ['app', 'b'] }))
  t.equal(log.lines.length, 1)
  t.match(log.lines[0] ?? '', /AUTH_AUDIENCE/)
})

const troubles: Array<[what: string, path: string, document: unknown, reason: string]> = [
  ['is not there', discoveryPath, undefined, 'status 404'],
  [
    'redirects',
    discoveryPath,
    (_: IncomingMessage, response: ServerResponse) => response.writeHead(302, { location: '/canary' }).end(),
    'a redirect (status 302), which is not followed',
  ],
  [
    'is of another issuer',
    discoveryPath,
    { issuer: 'https://canary.example', jwks_uri: 'https://canary.example/keys' },
    'the discovery document is of another issuer',
  ],
  ['is empty', '/keys', { keys: [] }, 'no usable key in the key set'],
]
for (const [what, path, document, reason] of troubles)
  test(`at the start it is told that ${path} ${what}, then once a minute, and to the one who is refused`, async (t) => {
    const server = await openDocumentServer(t)
    const { origin } = server
    server.documents.set(discoveryPath, { issuer: origin, jwks_uri: `${origin}/keys` })
    server.documents.set(path, document)
    const { warm, log, clock, verify, tokenOf } = await open(t, server)
    warm()
    t.strictSame(await reasonsIn(log, 1), [reason])
    for (let second = 0; second < 60; second += 4) {
      t.equal((await rejectsWith(t, verify(tokenOf()), 'idp_unavailable')).note, reason)
      clock.advance(4000)
    }
    t.equal(log.lines.length, 1)
    await rejectsWith(t, verify(tokenOf()), 'idp_unavailable')
    t.strictSame(await reasonsIn(log, 2), [reason, reason])
    t.ok(!log.lines.join().includes('canary'))
  })
