/**
 * Tokens that a service must refuse, each made for real and wrong in one way: forged, damaged, or good but not meant for us.
 */
import { CompactEncrypt } from 'jose'
import type { FailureCode } from '../../src/core/failures.ts'
import { encodePart, signers } from './compact-jwt.ts'
import { createRsaKeys } from './keys.ts'
import { createSelfSignedCertificate } from './self-signed-certificate.ts'
import { audience, issuedAt, issuer, requiredScope, type TokenProvider } from './token-provider.ts'

/** What the verifier under test must be given as its `clockToleranceSeconds`. */
export const toleranceSeconds = 5

export interface HostileToken {
  /** Reads on from "refuses". */
  what: string
  token: string
  code: FailureCode
  /** The claim that the operator's log must name, where one is to blame. */
  claim?: string
}

/** @param attackerUrl serves the attacker's key set to whoever trusts a token's `jku` or `x5u` */
export async function createHostileTokens(
  provider: TokenProvider,
  attackerUrl: string,
): Promise<HostileToken[]> {
  const made = [...badForms(provider), ...forgeries(provider, attackerUrl), ...badHeaders(provider)]
  const encrypted: [string, string] = ['a JWE (five parts)', await encrypt(provider)]
  return [
    ...[...made, encrypted].map(([what, token]) => ({ what, token, code: 'invalid_token' as const })),
    ...badClaims.map(([what, claim, value]) => ({
      what,
      token: provider.token({ claims: { [claim]: value } }),
      code: 'invalid_token' as const,
      ...(logsClaim(claim, value) && { claim }),
    })),
    ...badScopes.map(([what, claims]) => ({
      what,
      token: provider.token({ claims }),
      code: 'insufficient_scope' as const,
    })),
  ]
}

/** A present but useless `sub` and any `cnf` are our own checks; every other claim is named in the log. */
function logsClaim(claim: string, value: unknown): boolean {
  return claim !== 'cnf' && (claim !== 'sub' || value === undefined)
}

type Row = [what: string, token: string]

/** The bytes are not three unpadded base64url parts that hold JSON objects. */
function badForms(provider: TokenProvider): Row[] {
  const good = provider.token()
  const [header = '', payload = '', signature = ''] = good.split('.')
  const rs256 = signers.RS256(provider.rsa.privateKey)
  const signed = (headerPart: unknown, payloadPart: unknown): string => {
    const input = `${encodePart(headerPart)}.${encodePart(payloadPart)}`
    return `${input}.${rs256(Buffer.from(input)).toString('base64url')}`
  }
  const goodHeader = { alg: 'RS256', kid: 'rsa', typ: 'at+jwt' }
  const spaced = `${header.slice(0, 8)} ${header.slice(8)}.${payload}`
  return [
    ['an empty text', ''],
    ['an opaque token', '2YotnFZFEjr1zCsicMWpAA'],
    ['two parts', `${header}.${payload}`],
    ['a stripped signature', `${header}.${payload}.`],
    ['a missing header', `.${payload}.${signature}`],
    ['four parts', `${good}.${signature}`],
    ['a signature padded with =', `${good}==`],
    ['a truncated signature', good.slice(0, -8)],
    ['a truncated payload', `${header}.${payload.slice(0, -4)}.${signature}`],
    ['the standard base64 alphabet', standardBase64(provider)],
    [
      'a character outside every alphabet',
      `${header}.${payload}.${signature.slice(0, 9)}!${signature.slice(9)}`,
    ],
    ['a line break behind the token', `${good}\n`],
    ['a space in front of the token', ` ${good}`],
    [
      'a space in a header that was signed with it',
      `${spaced}.${rs256(Buffer.from(spaced)).toString('base64url')}`,
    ],
    ['a header that is not JSON', signed('{"alg":"RS256","kid":"rsa"', { sub: 'canary-subject' })],
    ['a header that is an array', signed([goodHeader], { sub: 'canary-subject' })],
    ['a payload that is not JSON', signed(goodHeader, 'canary-subject')],
    ['a payload that is an array', signed(goodHeader, [{ sub: 'canary-subject', exp: issuedAt + 300 }])],
    ['a payload that is null', signed(goodHeader, null)],
    ['a payload in broken UTF-8', signed(goodHeader, Buffer.from('{"sub":"canary-\xff"}', 'latin1'))],
    [
      'a payload that was changed after signing',
      `${header}.${changed(payload, { sub: 'canary-other' })}.${signature}`,
    ],
    ['a header that was changed after signing', `${changed(header, { cty: 'x' })}.${payload}.${signature}`],
  ]
}

/** Well-formed, and not signed by the key that the provider has for the purpose. */
function forgeries(provider: TokenProvider, attackerUrl: string): Row[] {
  const { rsa, ec } = provider
  const attacker = createRsaKeys()
  const signer = signers.RS256(attacker.privateKey)
  const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' })
  const der = rsa.publicKey.export({ type: 'spki', format: 'der' })
  const modulus = String(rsa.publicKey.export({ format: 'jwk' }).n)
  const jwk = attacker.publicKey.export({ format: 'jwk' })
  const x5c = [createSelfSignedCertificate(attacker).toString('base64')]
  const hs256 = { alg: 'HS256' }
  const es256 = { alg: 'ES256', kid: 'ec' }
  const forged = (header: Record<string, unknown>) => provider.token({ header, signer })
  return [
    ['alg none without a signature', provider.token({ header: { alg: 'none' }, signer: signers.none })],
    ['alg none with a good signature', provider.token({ header: { alg: 'none' } })],
    [
      'alg nOnE without a kid',
      provider.token({ header: { alg: 'nOnE', kid: undefined }, signer: signers.none }),
    ],
    ['HS256 over the public key PEM', provider.token({ header: hs256, signer: signers.HS256(pem) })],
    ['HS256 over the trimmed PEM', provider.token({ header: hs256, signer: signers.HS256(`${pem}`.trim()) })],
    ['HS256 over the public key DER', provider.token({ header: hs256, signer: signers.HS256(der) })],
    ['HS256 over the modulus', provider.token({ header: hs256, signer: signers.HS256(modulus) })],
    ['HS256 over an empty secret', provider.token({ header: hs256, signer: signers.HS256('') })],
    ["another provider's key under a known kid", forged({})],
    ["another provider's key without a kid", forged({ kid: undefined })],
    ["another provider's key under an unknown kid", forged({ kid: 'canary-kid' })],
    ["the attacker's key embedded as jwk", forged({ jwk })],
    ["the attacker's key embedded as jwk, without a kid", forged({ jwk, kid: undefined })],
    ["the attacker's key set named by jku", forged({ jku: `${attackerUrl}/jwks`, kid: 'attacker' })],
    ["the attacker's certificate named by x5u", forged({ x5u: `${attackerUrl}/x5u` })],
    ["the attacker's certificate embedded as x5c", forged({ x5c })],
    ['a kid that names another key of the provider', provider.token({ header: { kid: 'spare' } })],
    ['a kid that is a path', provider.token({ header: { kid: '../../../../dev/null' } })],
    ['a kid that is a number', provider.token({ header: { kid: 1 } })],
    ['no kid where several keys would do, and none of them did', forged({ kid: undefined, alg: 'RS256' })],
    ['RS256 under a key declared for ES256', provider.token({ header: { kid: 'ec' } })],
    ['RS256 under a key declared for PS256', provider.token({ header: { kid: 'pss' } })],
    [
      'ES256 under an RSA key',
      provider.token({ header: { alg: 'ES256' }, signer: signers.ES256(ec.privateKey) }),
    ],
    [
      'an ES256 signature in DER',
      provider.token({ header: es256, signer: signers.ES256(ec.privateKey, 'der') }),
    ],
    ['an ES256 signature of zeros', provider.token({ header: es256, signer: () => Buffer.alloc(64) })],
    ['an RS256 signature of zeros', provider.token({ signer: () => Buffer.alloc(256) })],
  ]
}

/** Signed by the provider, with a header that we do not take. */
function badHeaders(provider: TokenProvider): Row[] {
  const row = (what: string, header: Record<string, unknown>): Row => [what, provider.token({ header })]
  const rs512 = { header: { alg: 'RS512', kid: 'open' }, signer: signers.RS512(provider.rsa.privateKey) }
  return [
    row('typ JWT', { typ: 'JWT' }),
    row('typ id_token', { typ: 'id_token' }),
    row('typ logout+jwt', { typ: 'logout+jwt' }),
    row('no typ', { typ: undefined }),
    row('an empty typ', { typ: '' }),
    row('typ null', { typ: null }),
    row('typ as a number', { typ: 1 }),
    row('typ as a list', { typ: ['at+jwt'] }),
    row('typ with a trailing space', { typ: 'at+jwt ' }),
    row('typ with a parameter', { typ: 'application/at+jwt;v=1' }),
    row('typ with application/ twice', { typ: 'application/application/at+jwt' }),
    row('typ of another media tree', { typ: 'text/at+jwt' }),
    row('typ that is ours around application/', { typ: 'aapplication/t+jwt' }),
    row('an unknown critical header', { crit: ['urn:example:must'], 'urn:example:must': true }),
    row('typ declared as critical', { crit: ['typ'] }),
    row('an empty list of critical headers', { crit: [] }),
    row('critical headers that are not a list', { crit: 'b64' }),
    row('an unencoded payload (b64 false)', { crit: ['b64'], b64: false }),
    row('no alg', { alg: undefined }),
    row('an alg that is a list', { alg: ['RS256'] }),
    row('an alg in lower case', { alg: 'rs256' }),
    ['an algorithm outside the configured list', provider.token(rs512)],
  ]
}

const badClaims: Array<[what: string, claim: string, value: unknown]> = [
  ['another issuer', 'iss', 'https://evil.example'],
  ['an issuer that only begins like ours', 'iss', `${issuer}.evil.example`],
  ['an issuer that is the beginning of ours', 'iss', new URL(issuer).origin],
  ['an issuer with a trailing slash', 'iss', `${issuer}/`],
  ['an issuer in another case', 'iss', issuer.toUpperCase()],
  ['a list of issuers', 'iss', [issuer]],
  ['no issuer', 'iss', undefined],
  ['another audience', 'aud', 'https://other.example.com'],
  ['an audience with a trailing slash', 'aud', `${audience}/`],
  ['an audience that only begins like ours', 'aud', `${audience}.evil.example`],
  ['a list of audiences without ours', 'aud', ['https://a.example.com', `${audience}/x`]],
  ['an empty list of audiences', 'aud', []],
  ['audiences in one text', 'aud', `${audience} https://a.example.com`],
  ['an audience as an object', 'aud', { [audience]: true }],
  ['no audience', 'aud', undefined],
  ['no exp', 'exp', undefined],
  ['exp as a text', 'exp', String(issuedAt + 300)],
  ['exp null', 'exp', null],
  ['a token expired by just the tolerance', 'exp', issuedAt - toleranceSeconds],
  ['a token expired long ago', 'exp', issuedAt - 86_400],
  ['nbf beyond the tolerance', 'nbf', issuedAt + toleranceSeconds + 1],
  ['nbf as a text', 'nbf', String(issuedAt)],
  ['no sub', 'sub', undefined],
  ['an empty sub', 'sub', ''],
  ['sub as a number', 'sub', 42],
  ['sub as an object', 'sub', { id: 'canary-subject' }],
  ['a token bound to a DPoP key', 'cnf', { jkt: '0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I' }],
  ['a token bound to a certificate', 'cnf', { 'x5t#S256': 'bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2' }],
  ['an empty cnf', 'cnf', {}],
  ['cnf null', 'cnf', null],
]

const badScopes: Array<[what: string, claims: Record<string, unknown>]> = [
  ['no scope', { scope: undefined }],
  ['an empty scope', { scope: '' }],
  ['other scopes', { scope: 'openid profile' }],
  ['a scope that only begins like ours', { scope: `${requiredScope}:all` }],
  ['a scope that only ends like ours', { scope: `x-${requiredScope}` }],
  ['a scope in another case', { scope: requiredScope.toUpperCase() }],
  ['scopes joined by commas', { scope: `openid,${requiredScope}` }],
  [
    'the scope in roles, scopes and permissions',
    {
      scope: undefined,
      roles: [requiredScope],
      scopes: requiredScope,
      permissions: [requiredScope],
    },
  ],
  ['scopes as an object', { scope: undefined, scp: { [requiredScope]: true } }],
  ['a scope in a list in a list', { scope: undefined, scp: [[requiredScope]] }],
]

/** The same signature in the alphabet of RFC 4648 section 4, which a loose decoder reads as if it were ours. */
function standardBase64(provider: TokenProvider): string {
  for (let jti = 0; ; jti++) {
    const [header, payload, signature = ''] = provider.token({ claims: { jti: String(jti) } }).split('.')
    const standard = signature.replaceAll('-', '+').replaceAll('_', '/')
    if (standard !== signature) return `${header}.${payload}.${standard}`
  }
}

function changed(part: string, members: Record<string, unknown>): string {
  return encodePart({ ...JSON.parse(Buffer.from(part, 'base64url').toString()), ...members })
}

function encrypt(provider: TokenProvider): Promise<string> {
  return new CompactEncrypt(Buffer.from(provider.token()))
    .setProtectedHeader({ alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: 'rsa', typ: 'at+jwt' })
    .encrypt(provider.rsa.publicKey)
}
