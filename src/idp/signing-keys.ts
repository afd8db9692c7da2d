/**
 * Where the identity provider's public keys come from: a fixed key set URL, or the one that its discovery document names.
 * Only keys that may sign an access token leave here.
 */
import { type Static, Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { JWK } from 'jose'
import { fetchJson } from './fetch-json.ts'
import { ProviderError } from './provider-trouble.ts'

const minRsaModulusBits = 2048
const fetchTimeoutMs = 5000

const PublicKey = Type.Object({
  kty: Type.Union([Type.Literal('RSA'), Type.Literal('EC'), Type.Literal('OKP')]),
  kid: Type.Optional(Type.String()),
  alg: Type.Optional(Type.String()),
  use: Type.Optional(Type.Literal('sig')),
  n: Type.Optional(Type.String()),
  d: Type.Optional(Type.Never()),
})
const publicKey = TypeCompiler.Compile(PublicKey)
const keySet = TypeCompiler.Compile(Type.Object({ keys: Type.Array(Type.Unknown()) }))
const discovery = TypeCompiler.Compile(Type.Object({ issuer: Type.String(), jwks_uri: Type.String() }))

export interface SigningKeysSource {
  /** The `iss` of the tokens; discovery is `<issuer>/.well-known/openid-configuration`, or RFC 8414's metadata where that is absent. */
  issuer: string
  /** Skips discovery. */
  jwksUri: string | undefined
  /** A key that names another `alg` is left out. */
  algorithms: readonly string[]
  /** May a discovered key set be fetched from this URL? Guards against plain http. */
  isAllowedUrl: (url: string) => boolean
}

/**
 * Leaves out: symmetric keys, RSA under 2048 bits, keys for encryption, private keys published by mistake.
 * @throws ProviderError, or another Error, when nothing usable came, so that a bad answer never replaces a good one
 * @see RFC 7517 section 5, OpenID Connect Discovery 1.0 section 4, RFC 8414
 */
export async function fetchSigningKeys(source: SigningKeysSource): Promise<JWK[]> {
  const url = source.jwksUri ?? (await discover(source))
  const document = await fetchJson(url, fetchTimeoutMs)
  if (!keySet.Check(document)) throw new ProviderError('not a key set')
  const usable = document.keys.filter(
    (key): key is JWK => publicKey.Check(key) && isUsable(key, source.algorithms),
  )
  if (usable.length === 0) throw new ProviderError('no usable key in the key set')
  return usable
}

async function discover({ issuer, isAllowedUrl }: SigningKeysSource): Promise<string> {
  const openid = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const document = await fetchJson(openid, fetchTimeoutMs).catch((error: unknown) => {
    if (error instanceof ProviderError && error.status === 404)
      return fetchJson(oauthMetadataUrl(issuer), fetchTimeoutMs)
    throw error
  })
  if (!discovery.Check(document)) throw new ProviderError('not a discovery document')
  if (document.issuer !== issuer) throw new ProviderError(anotherIssuer(issuer, document.issuer))
  if (!isAllowedUrl(document.jwks_uri))
    throw new ProviderError('the jwks_uri of the discovery document is not https')
  return document.jwks_uri
}

/** Between the host and the path. @see RFC 8414 section 3.1 */
function oauthMetadataUrl(issuer: string): string {
  const { origin, pathname } = new URL(issuer)
  return `${origin}/.well-known/oauth-authorization-server${pathname.replace(/\/$/, '')}`
}

/** The other one is named only when it is ours but for the final slash: else it is foreign text. */
function anotherIssuer(issuer: string, other: string): string {
  const isSame = issuer.replace(/\/$/, '') === other.replace(/\/$/, '')
  return isSame
    ? `the issuer calls itself ${other}, not ${issuer}`
    : 'the discovery document is of another issuer'
}

function isUsable({ kty, alg, n }: Static<typeof PublicKey>, algorithms: readonly string[]): boolean {
  if (alg !== undefined && !algorithms.includes(alg)) return false
  return kty !== 'RSA' || modulusBits(n ?? '') >= minRsaModulusBits
}

function modulusBits(n: string): number {
  return BigInt(`0x0${Buffer.from(n, 'base64url').toString('hex')}`).toString(2).length
}
