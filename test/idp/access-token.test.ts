/** Which access tokens are good, what a good one says, and that nothing of a bad one shows. */

import { inspect } from 'node:util'
import { createLocalJWKSet, exportJWK, type JWTVerifyGetKey } from 'jose'
import { type Test, test } from 'tap'
import { ServiceFailure } from '../../src/core/failures.ts'
import { type AccessTokenOptions, type AccessTokens, createAccessTokens } from '../../src/idp/access-token.ts'
import { createFakeClock } from '../support/clock.ts'
import { signers } from '../support/compact-jwt.ts'
import { openDocumentServer } from '../support/document-server.ts'
import { rejectsWith } from '../support/failure.ts'
import { createHostileTokens, toleranceSeconds } from '../support/hostile-tokens.ts'
import { fail } from '../support/must.ts'
import {
  audience,
  createTokenProvider,
  issuedAt,
  issuer,
  phoneNumberClaim,
  requiredScope,
} from '../support/token-provider.ts'
import { callerOf } from '../support/unobserved.ts'

const provider = createTokenProvider()
const findKey = createLocalJWKSet(provider.keySet)
const subjectOnly = { ...callerOf('canary-subject'), clientId: 'canary-client' }
const caller = { ...subjectOnly, phoneNumber: '+990123456' }

interface Overrides extends Partial<AccessTokenOptions> {
  findKey?: JWTVerifyGetKey
}

function createVerifier({ findKey: finding = findKey, ...overrides }: Overrides = {}) {
  const clock = createFakeClock(issuedAt * 1000)
  let lookups = 0
  const countedFindKey: JWTVerifyGetKey = (header, token) => {
    lookups++
    return finding(header, token)
  }
  const tokens: AccessTokens = createAccessTokens({
    issuers: new Map([[issuer, countedFindKey]]),
    audiences: [audience],
    clientIds: [],
    requiredClaims: [],
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    tokenTypes: ['at+jwt'],
    requiredScope,
    phoneNumberClaim,
    clockToleranceSeconds: toleranceSeconds,
    introspect: undefined,
    onClientAsAudience: () => {},
    digest: (subject) => callerOf(subject).pseudonym,
    clock,
    ...overrides,
  })
  return { verify: tokens.verify, clock, lookups: () => lookups }
}

/** Neither a part of the token nor anything that it says may reach the log. */
function assertHoldsNothingOf(t: Test, token: string, failure: ServiceFailure): void {
  const shown = [
    failure.note,
    failure.stack,
    JSON.stringify(failure),
    inspect(failure, { depth: 9, showHidden: true }),
  ]
  for (const secret of [...token.split('.'), 'canary', caller.phoneNumber].filter(({ length }) => length > 0))
    for (const text of shown) t.ok(!text?.includes(secret.trim()), `the failure shows ${secret}`)
  t.equal(failure.cause, undefined)
}

test('refuses every hostile token, by its code, and shows nothing of it', async (t: Test) => {
  const attacker = await openDocumentServer(t)
  const { verify } = createVerifier()
  const hostileTokens = await createHostileTokens(provider, attacker.origin)
  t.ok(hostileTokens.length >= 34)
  for (const { what, token, code, claim } of hostileTokens)
    await t.test(`refuses ${what}`, async (t) => {
      const failure = await rejectsWith(t, verify(token), code)
      if (claim !== undefined) t.equal(failure.note?.split(' ').at(-1), claim)
      assertHoldsNothingOf(t, token, failure)
    })
  await t.test('never asks the URL in a token', async (t) => t.strictSame(attacker.paths(), []))
})

const ec = signers.ES256(provider.ec.privateKey)
const ed = signers.EdDSA(provider.ed.privateKey)
const ps = signers.PS256(provider.rsa.privateKey)
const attackersJwk = await exportJWK(createTokenProvider().ec.publicKey)

const goodTokens: Array<[what: string, changes: Parameters<typeof provider.token>[0]]> = [
  ['an RS256 token', {}],
  ['a PS256 token', { header: { alg: 'PS256', kid: 'pss' }, signer: ps }],
  ['an ES256 token', { header: { alg: 'ES256', kid: 'ec' }, signer: ec }],
  ['an EdDSA token', { header: { alg: 'EdDSA', kid: 'ed' }, signer: ed }],
  ['a token under a key that declares no alg', { header: { kid: 'open' } }],
  ['a token without a kid where one key would do', { header: { alg: 'ES256', kid: undefined }, signer: ec }],
  [
    'a token with a key of no account in its header',
    { header: { jwk: attackersJwk, jku: 'https://evil.example' } },
  ],
  ['typ application/at+jwt', { header: { typ: 'application/at+jwt' } }],
  ['typ AT+JWT', { header: { typ: 'AT+JWT' } }],
  ['typ Application/At+Jwt', { header: { typ: 'Application/At+Jwt' } }],
  ['a list of audiences with ours', { claims: { aud: ['https://a.example.com', audience] } }],
  ['a token expired within the tolerance', { claims: { exp: issuedAt - toleranceSeconds + 1 } }],
  ['nbf within the tolerance', { claims: { nbf: issuedAt + toleranceSeconds } }],
  ['a scope string with ours alone', { claims: { scope: requiredScope } }],
  ['a scope string with ours in the middle', { claims: { scope: `a ${requiredScope} b` } }],
  ['an scp list', { claims: { scope: undefined, scp: ['openid', requiredScope] } }],
  ['an scp string', { claims: { scope: undefined, scp: `openid ${requiredScope}` } }],
  ['a scope beside an scp without ours', { claims: { scp: ['openid'] } }],
  ['an scp beside a scope without ours', { claims: { scope: 'openid', scp: [requiredScope] } }],
]

for (const [what, changes] of goodTokens)
  test(`takes ${what}`, async (t) => {
    t.strictSame(await createVerifier().verify(provider.token(changes)), caller)
  })

/** The token's own key last, among so many of the same kid, or of none. */
function keySetOf(count: number, kid: string | undefined): JWTVerifyGetKey {
  const others = Array.from({ length: count - 1 }, () => createTokenProvider().ec.publicKey)
  const keys = [...others, provider.ec.publicKey].map((key) => ({ ...key.export({ format: 'jwk' }), kid }))
  return createLocalJWKSet({ keys } as Parameters<typeof createLocalJWKSet>[0])
}

for (const kid of ['ec', undefined])
  test(`tries each of 8 keys ${kid === undefined ? 'without a kid' : 'of one kid'}, and no ninth`, async (t) => {
    const token = (claims = {}) => provider.token({ header: { alg: 'ES256', kid }, signer: ec, claims })
    const { verify } = createVerifier({ findKey: keySetOf(8, kid) })
    t.strictSame(await verify(token()), caller)
    const ninth = createVerifier({ findKey: keySetOf(9, kid) })
    const refused = await rejectsWith(t, ninth.verify(token()), 'invalid_token')
    t.equal(refused.note, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED')
    const expired = await rejectsWith(t, verify(token({ exp: issuedAt - 60 })), 'invalid_token')
    t.equal(expired.note, 'ERR_JWT_EXPIRED exp')
    const forged = provider.token({ header: { alg: 'ES256', kid }, signer: () => Buffer.alloc(64, 1) })
    await rejectsWith(t, verify(forged), 'invalid_token')
  })

test('takes typ JWT only when it is configured', async (t) => {
  const { verify } = createVerifier({ tokenTypes: ['at+jwt', 'jwt'] })
  t.strictSame(await verify(provider.token({ header: { typ: 'JWT' } })), caller)
  await rejectsWith(t, verify(provider.token({ header: { typ: 'id_token' } })), 'invalid_token')
})

test('asks for no scope when none is configured', async (t) => {
  const { verify } = createVerifier({ requiredScope: undefined })
  t.strictSame(await verify(provider.token({ claims: { scope: undefined } })), caller)
})

test('refuses an algorithm that is not configured even under a good key', async (t) => {
  const { verify } = createVerifier({ algorithms: ['ES256'] })
  await rejectsWith(t, verify(provider.token()), 'invalid_token')
})

test('takes a token without a typ only when none is configured, and not one whose typ says none', async (t) => {
  const { verify } = createVerifier({ tokenTypes: ['None'] })
  t.strictSame(await verify(provider.token({ header: { typ: undefined } })), caller)
  for (const typ of ['none', '', null, 'at+jwt', ['none']])
    await rejectsWith(t, verify(provider.token({ header: { typ } })), 'invalid_token')
})

test('takes any of several audiences, and with none configured any or no audience', async (t) => {
  const several = createVerifier({ audiences: ['https://a.example', audience] })
  t.strictSame(await several.verify(provider.token()), caller)
  await rejectsWith(
    t,
    several.verify(provider.token({ claims: { aud: 'https://b.example' } })),
    'invalid_token',
  )
  const { verify } = createVerifier({ audiences: [], clientIds: ['canary-client'] })
  for (const aud of [undefined, 'https://b.example', []])
    t.strictSame(await verify(provider.token({ claims: { aud } })), caller)
})

test('says that a token was taken for an audience that is its own client, where there are several', async (t) => {
  const client = 'canary-client'
  for (const [audiences, aud, told] of [
    [[audience, client], client, 1],
    [[audience, client], [audience, client], 1],
    [[audience, client], audience, 0],
    [[audience, 'https://b.example'], audience, 0],
    [[client], client, 0],
    [[audience], [audience, client], 0],
  ] as const) {
    let calls = 0
    const { verify } = createVerifier({ audiences, onClientAsAudience: () => calls++ })
    await verify(provider.token({ claims: { aud } }))
    t.equal(calls, told, JSON.stringify([audiences, aud]))
  }
})

test('of several issuers each has its own keys, and a caller is issuer and sub', async (t) => {
  const other = createTokenProvider()
  const otherIssuer = 'https://other.example'
  const { verify } = createVerifier({
    issuers: new Map([
      [issuer, findKey],
      [otherIssuer, createLocalJWKSet(other.keySet)],
    ]),
  })
  const [one, two] = [
    await verify(provider.token()),
    await verify(other.token({ claims: { iss: otherIssuer } })),
  ]
  t.equal(one.subject, JSON.stringify([issuer, 'canary-subject']))
  t.equal(two.subject, JSON.stringify([otherIssuer, 'canary-subject']))
  t.strictSame([one.sub, two.sub], ['canary-subject', 'canary-subject'])
  t.not(one.pseudonym, two.pseudonym)
  for (const token of [
    provider.token({ claims: { iss: otherIssuer } }),
    other.token(),
    other.token({ claims: { iss: 'https://evil.example' } }),
    other.token({ claims: { iss: undefined } }),
    other.token({ claims: { iss: [otherIssuer] } }),
    other.token({ claims: { iss: '__proto__' } }),
  ])
    await rejectsWith(t, verify(token), 'invalid_token')
})

test('an opaque token is refused with the reason, unless there is somebody to ask', async (t) => {
  const { note } = await rejectsWith(t, createVerifier().verify('opaque.token~1'), 'invalid_token')
  t.match(note ?? '', /AUTH_INTROSPECTION_URI/)
})

test('what is asked about an opaque token is judged as a JWT is, and remembered', async (t) => {
  const asked: string[] = []
  const claims: Record<string, unknown> = {
    iss: issuer,
    aud: audience,
    sub: 'canary-subject',
    exp: issuedAt + 300,
    client_id: 'canary-client',
    scope: requiredScope,
    [phoneNumberClaim]: '990123456',
  }
  const answers: Record<string, Record<string, unknown>> = { good: claims }
  const { verify, clock } = createVerifier({
    introspect: async (token) => {
      asked.push(token)
      return answers[token] ?? {}
    },
  })
  t.strictSame(await verify('good'), caller)
  t.strictSame(await verify('good'), caller)
  t.equal(asked.length, 1)
  clock.advance(60_000)
  await verify('good')
  t.equal(asked.length, 2)
  for (const [name, value, code] of [
    ['iss', 'https://evil.example', 'invalid_token'],
    ['iss', undefined, 'invalid_token'],
    ['aud', 'https://evil.example', 'invalid_token'],
    ['aud', undefined, 'invalid_token'],
    ['exp', issuedAt - toleranceSeconds, 'invalid_token'],
    ['exp', undefined, 'invalid_token'],
    ['nbf', issuedAt + 66 + toleranceSeconds, 'invalid_token'],
    ['sub', undefined, 'invalid_token'],
    ['cnf', { jkt: 'x' }, 'invalid_token'],
    ['scope', 'openid', 'insufficient_scope'],
  ] as const) {
    answers.bad = { ...claims, [name]: value }
    await rejectsWith(t, verify('bad'), code)
  }
})

test('nobody is asked about a JWT, be it good, hostile or damaged', async (t) => {
  const introspect = () => fail('asked')
  const { verify } = createVerifier({ introspect })
  await verify(provider.token())
  for (const { token, code } of await createHostileTokens(provider, 'https://evil.example'))
    if (token !== '2YotnFZFEjr1zCsicMWpAA') await rejectsWith(t, verify(token), code)
})

test('names no number when no claim is configured, or the claim is not a string', async (t) => {
  const unconfigured = createVerifier({ phoneNumberClaim: undefined })
  for (const claims of [{}, { undefined: caller.phoneNumber }])
    t.strictSame(await unconfigured.verify(provider.token({ claims })), subjectOnly)
  const { verify } = createVerifier()
  for (const value of [undefined, null, 990123456, [caller.phoneNumber]])
    t.strictSame(await verify(provider.token({ claims: { [phoneNumberClaim]: value } })), subjectOnly)
})

test('reads the number from the configured claim', async (t) => {
  const { verify } = createVerifier({ phoneNumberClaim: 'https://example.com/msisdn' })
  const token = provider.token({ claims: { 'https://example.com/msisdn': '+990999999' } })
  t.strictSame(await verify(token), { ...caller, phoneNumber: '+990999999' })
})

test('passes on that the provider is unavailable, which is not a bad token', async (t) => {
  const unavailable = new ServiceFailure('idp_unavailable')
  const { verify } = createVerifier({ findKey: () => Promise.reject(unavailable) })
  t.equal(await rejectsWith(t, verify(provider.token()), 'idp_unavailable'), unavailable)
})

test('refuses a token whose key cannot be used', async (t) => {
  const { verify } = createVerifier({ findKey: () => Promise.reject(new TypeError('canary')) })
  const failure = await rejectsWith(t, verify(provider.token()), 'invalid_token')
  assertHoldsNothingOf(t, '', failure)
  t.equal(failure.note, 'unreadable')
})

test("notes for the log what was wrong, by jose's own code", async (t) => {
  const token = provider.token({ signer: () => Buffer.alloc(256) })
  const failure = await rejectsWith(t, createVerifier().verify(token), 'invalid_token')
  t.equal(failure.note, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED')
})

test('verifies a token again only after 60 seconds', async (t) => {
  const { verify, clock, lookups } = createVerifier()
  const token = provider.token()
  const first = await verify(token)
  clock.advance(59_999)
  t.strictSame(await verify(token), first)
  t.equal(lookups(), 1)
  clock.advance(1)
  t.strictSame(await verify(token), first)
  t.equal(lookups(), 2)
})

test('does not serve a remembered token past its exp', async (t) => {
  const { verify, clock, lookups } = createVerifier()
  const token = provider.token({ claims: { exp: issuedAt + 30 } })
  await verify(token)
  clock.advance(29_999)
  await verify(token)
  t.equal(lookups(), 1)
  clock.advance(1)
  await verify(token)
  t.equal(lookups(), 2)
  clock.advance(toleranceSeconds * 1000)
  await rejectsWith(t, verify(token), 'invalid_token')
})

test('refuses a remembered token when the wall clock jumps past its exp', async (t) => {
  const { verify, clock } = createVerifier()
  const token = provider.token()
  await verify(token)
  clock.jumpWall(3_600_000)
  await rejectsWith(t, verify(token), 'invalid_token')
})

test('does not take another string for a token that it remembers', async (t) => {
  const { verify, lookups } = createVerifier()
  const es256 = { header: { alg: 'ES256', kid: 'ec' }, signer: ec }
  const token = provider.token(es256)
  await verify(token)
  const [head, payload, signature = ''] = token.split('.')
  const flipped = `${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
  await rejectsWith(t, verify(`${head}.${payload}.${flipped}`), 'invalid_token')
  await rejectsWith(t, verify(`${token}=`), 'invalid_token')
  await verify(provider.token({ ...es256, claims: { jti: 'canary-second' } }))
  t.equal(lookups(), 3)
})

test('remembers no refusal', async (t) => {
  const { verify, lookups } = createVerifier()
  const unscoped = provider.token({ claims: { scope: undefined } })
  await rejectsWith(t, verify(unscoped), 'insufficient_scope')
  await rejectsWith(t, verify(unscoped), 'insufficient_scope')
  t.equal(lookups(), 2)
})
