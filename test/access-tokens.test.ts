/** Access tokens as the settings describe them: where the keys come from, and what is told when they do not come. */
import assert from 'node:assert/strict'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { keysSource, openAccessTokens } from '../src/access-tokens.ts'
import { type Environment, parseConfig } from '../src/config.ts'
import { createFakeClock } from './support/clock.ts'
import { type DocumentServer, openDocumentServer } from './support/document-server.ts'
import { requiredSettings } from './support/environment.ts'
import { rejectsWith } from './support/failure.ts'
import { recordLog } from './support/public-server.ts'
import { audience, createTokenProvider, issuedAt } from './support/token-provider.ts'

const provider = createTokenProvider()
const discoveryPath = '/.well-known/openid-configuration'

function open(t: TestContext, { origin }: DocumentServer, changes: Environment = {}) {
  const { logger, log } = recordLog(t)
  const clock = createFakeClock(issuedAt * 1000)
  const settings = { ...requiredSettings(), AUTH_ISSUER: origin, AUTH_AUDIENCE: audience, ...changes }
  const digest = (text: string) => `digest of ${text}`
  const accessTokens = openAccessTokens(parseConfig(settings), { clock, digest, log: logger })
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
  const { verify, warm, keyAgeSeconds, log, tokenOf } = open(t, server)
  assert.equal(keyAgeSeconds(), undefined)
  warm()
  assert.equal((await verify(tokenOf())).pseudonym, 'digest of canary-subject')
  assert.equal(keyAgeSeconds(), 0)
  assert.deepEqual(log.lines, [])
})

test('a discovered URL must be as good as a configured one', () => {
  const { isAllowedUrl } = keysSource(parseConfig(requiredSettings()))
  assert.deepEqual(
    [isAllowedUrl('https://a.example/keys'), isAllowedUrl('http://a.example/keys')],
    [true, false],
  )
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
    const { warm, log, clock, verify, tokenOf } = open(t, server)
    warm()
    assert.deepEqual(await reasonsIn(log, 1), [reason])
    for (let second = 0; second < 60; second += 4) {
      assert.equal((await rejectsWith(verify(tokenOf()), 'idp_unavailable')).note, reason)
      clock.advance(4000)
    }
    assert.equal(log.lines.length, 1)
    await rejectsWith(verify(tokenOf()), 'idp_unavailable')
    assert.deepEqual(await reasonsIn(log, 2), [reason, reason])
    assert.ok(!log.lines.join().includes('canary'))
  })
