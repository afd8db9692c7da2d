/** One real token, tried: what is said of each check, that the service's own word is the last, and that nothing of the token is shown. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { type Environment, parseConfig } from '../src/config.ts'
import { checkToken } from '../src/token-check.ts'
import { createFakeClock } from './support/clock.ts'
import { openDocumentServer } from './support/document-server.ts'
import { requiredSettings } from './support/environment.ts'
import { audience, createTokenProvider, issuedAt, issuer } from './support/token-provider.ts'

const provider = createTokenProvider()

async function check(t: Test, token: string | undefined, changes: Environment = {}) {
  const { origin, documents, paths } = await openDocumentServer(t, { '/keys': provider.keySet })
  documents.set('/introspect', {
    active: true,
    iss: issuer,
    aud: audience,
    sub: 'canary',
    exp: issuedAt + 60,
  })
  const folder = mkdtempSync(join(tmpdir(), 'token-check-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'token')
  if (token !== undefined) writeFileSync(file, token)
  const config = parseConfig({
    ...requiredSettings(),
    AUTH_ISSUER: issuer,
    AUTH_AUDIENCE: audience,
    AUTH_JWKS_URI: `${origin}/keys`,
    ...changes,
    ...(changes.AUTH_INTROSPECTION_URI && { AUTH_INTROSPECTION_URI: `${origin}/introspect` }),
  })
  const lines: string[] = []
  const accepted = await checkToken(
    config,
    file,
    createFakeClock(issuedAt * 1000),
    (line) => void lines.push(line),
  )
  const text = lines.join('\n')
  for (const part of token?.trim().split(/[. ]/) ?? [])
    if (part.length > 8) t.ok(!text.includes(part), 'the token is not shown')
  t.notMatch(text, /canary-subject|990123456|canary-jti/)
  const refused = lines.flatMap((line) => /^token: ([^:]+): .*refused/.exec(line)?.[1] ?? [])
  const warnings = lines.filter((line) => line.startsWith('token: warning: '))
  return { accepted, lines, refused, warnings, paths }
}

test('a good token is accepted, with every check and what is not known', async (t) => {
  const { accepted, refused, warnings, lines } = await check(t, `Bearer ${provider.token()}\n`)
  t.strictSame([accepted, refused, warnings], [true, [], []])
  t.ok(lines.includes('token: accepted'))
  t.match(lines.at(-1) ?? '', /not known/)
})

const everything: Environment = {
  AUTH_TOKEN_TYPES: 'at+jwt,none',
  AUTH_CLIENT_IDS: 'canary-client',
  AUTH_REQUIRED_CLAIMS: 'token_use=access',
  AUTH_REQUIRED_SCOPE: 'number:verify',
  AUTH_PHONE_NUMBER_CLAIM: 'phone_number',
}
const refusals: Array<[what: string, changes: Parameters<typeof provider.token>[0]]> = [
  ['typ', { header: { typ: 'JWT' } }],
  ['alg', { header: { alg: 'RS512' } }],
  ['iss', { claims: { iss: `${issuer}/` } }],
  ['aud', { claims: { aud: 'https://other.example' } }],
  ['aud', { claims: { aud: undefined } }],
  ['exp', { claims: { exp: issuedAt - 60 } }],
  ['exp', { claims: { exp: undefined } }],
  ['nbf', { claims: { nbf: issuedAt + 60 } }],
  ['sub', { claims: { sub: undefined } }],
  ['cnf', { claims: { cnf: { jkt: 'x' } } }],
  ['client (client_id, azp, cid, appid)', { claims: { client_id: 'other' } }],
  ['claim token_use=access', { claims: { token_use: 'id' } }],
  ['scope or scp', { claims: { scope: 'openid' } }],
  ['scope or scp', { claims: { scope: undefined, scp: ['openid'] } }],
]
for (const [what, changes = {}] of refusals)
  test(`a token that fails at ${what} fails there alone, and is refused: ${JSON.stringify(changes)}`, async (t) => {
    const claims = { token_use: 'access', ...changes.claims }
    const { accepted, refused } = await check(t, provider.token({ ...changes, claims }), everything)
    t.strictSame([accepted, refused], [false, [what]])
  })

test('a token without the number is accepted as such, and told that it can start nothing', async (t) => {
  const token = provider.token({ claims: { token_use: 'access', phone_number: undefined } })
  const { accepted, refused } = await check(t, token, everything)
  t.strictSame([accepted, refused], [true, ['phone number in phone_number']])
})

test('a signature that is none is found by the service itself', async (t) => {
  const { accepted, refused, lines } = await check(t, provider.token({ signer: () => Buffer.alloc(256) }))
  t.strictSame([accepted, refused], [false, []])
  t.ok(lines.includes('token: refused, invalid_token: ERR_JWS_SIGNATURE_VERIFICATION_FAILED'))
})

test('a token whose scope alone is missing is told by its code', async (t) => {
  const { lines } = await check(t, provider.token({ claims: { scope: '' } }), { AUTH_REQUIRED_SCOPE: 'x' })
  t.ok(lines.includes('token: refused, insufficient_scope'))
})

const signs: Array<[what: string, claims: Record<string, unknown>, count: number]> = [
  ['an ID token by its nonce', { nonce: 'x' }, 1],
  ['an ID token of Keycloak', { typ: 'ID' }, 1],
  ['an ID token of Cognito', { token_use: 'id' }, 1],
  ['an audience that is the client', { azp: audience }, 1],
  ['a second audience that is the client', { azp: 'app', aud: [audience, 'app'] }, 1],
  ['a refresh token', { typ: 'Refresh' }, 1],
  ['a machine whose name is its client', { sub: 'canary-client' }, 1],
  ['a machine of Auth0', { sub: 'x@clients' }, 1],
  ['another client', { azp: 'app' }, 0],
]
for (const [what, claims, count] of signs)
  test(`it is ${count ? '' : 'not '}warned of ${what}`, async (t) => {
    t.equal((await check(t, provider.token({ claims }))).warnings.length, count)
  })

test('an opaque token is asked about where that is set up, and refused with the setting where not', async (t) => {
  const without = await check(t, 'opaque-canary')
  t.equal(without.accepted, false)
  t.match(without.lines[0] ?? '', /AUTH_INTROSPECTION_URI/)
  const { accepted, paths } = await check(t, 'opaque-canary', {
    AUTH_INTROSPECTION_URI: 'yes',
    AUTH_INTROSPECTION_CLIENT_ID: 'bff',
    AUTH_INTROSPECTION_CLIENT_SECRET: 'secret',
  })
  t.strictSame([accepted, paths()], [true, ['/introspect']])
})

for (const token of [undefined, '', ' \n'])
  test(`${token === undefined ? 'a file that is not there' : 'an empty file'} is refused`, async (t) => {
    const { accepted, lines } = await check(t, token)
    t.strictSame([accepted, lines.length], [false, 1])
  })

for (const token of ['a.b.c', 'bnVsbA.bnVsbA.x', 'MQ.MQ.x', `${provider.token()}.x.y`])
  test('what is no JWT is refused without a word of it', async (t) => {
    t.equal((await check(t, token)).accepted, false)
  })

test('where the keys cannot be fetched, it says so', async (t) => {
  const { accepted, lines } = await check(t, provider.token(), { AUTH_JWKS_URI: 'http://127.0.0.1:1/keys' })
  t.equal(accepted, false)
  t.ok(lines.some((line) => line.startsWith('token: refused, idp_unavailable')))
})
