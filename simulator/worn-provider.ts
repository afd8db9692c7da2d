/**
 * An identity provider that wears the form of a real one, for `--idp`: its tokens, its discovery or the lack of it, introspection where its
 * tokens are opaque, and a key set as they are seen in the wild.
 */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { clientSecret, type IdentityProvider, type IdentityProviderOptions } from './identity-provider.ts'
import { listen } from './listen.ts'
import { moreProviderForms } from './more-provider-forms.ts'
import {
  type Claims,
  type ProviderForm,
  providerForms,
  type TokenKind,
  type Variant,
} from './provider-forms.ts'

export const forms: Readonly<Record<string, ProviderForm>> = { ...providerForms, ...moreProviderForms }

const lifetimeSeconds = 3600

export interface WornProvider extends IdentityProvider {
  /** @throws when the provider has no such tokens */
  issue(kind: TokenKind, subject: string): Promise<string>
}

/** @param name of the form */
export async function startWornProvider(
  name: string,
  options: IdentityProviderOptions,
): Promise<WornProvider> {
  const form = forms[name]
  if (!form) throw new Error(`--idp: one of ${Object.keys(forms).join(', ')}`)
  let key = await createKey()
  const { kid } = key.jwk
  const published: JWK[] = [await decoy({ use: 'enc' }), await decoy({ kid }), key.jwk]
  /** What is known of the opaque tokens. */
  const opaque = new Map<string, Claims>()

  const listener = await listen(
    createServer(
      (request, response) => void serve(request, response).catch(() => response.writeHead(400).end('{}')),
    ),
    options,
  )
  const base = `${options.issuer ?? listener.url}${form.issuerPath?.replace(/\/$/, '') ?? ''}`
  const issuer = form.issuer ?? `${base}${form.issuerPath?.endsWith('/') ? '/' : ''}`
  const byKeySet = form.issuer !== undefined || form.withoutDiscovery === true
  const origin = options.issuer ?? listener.url

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname } = new URL(request.url ?? '/', listener.url)
    const parameters = new URLSearchParams(await text(request))
    const answer = await answerOf(pathname, parameters, request.headers.authorization)
    response.writeHead(answer ? 200 : 404, { 'content-type': 'application/json' })
    // Some real ones put a byte order mark before their key sets.
    response.end(`${pathname === '/jwks' ? '\uFEFF' : ''}${JSON.stringify(answer ?? {})}`)
  }

  async function answerOf(
    path: string,
    parameters: URLSearchParams,
    authorization: string | undefined,
  ): Promise<object | undefined> {
    if (path === '/jwks') return { keys: published }
    if (path === '/token') {
      const kind = (parameters.get('kind') ?? 'access') as TokenKind
      return { access_token: await issue(kind, parameters.get('client_id') ?? ''), token_type: 'Bearer' }
    }
    if (path === '/introspect' && isOurs(authorization))
      return opaque.get(parameters.get('token') ?? '') ?? { active: false }
    if (!byKeySet && `${origin}${path}` === `${base}/.well-known/openid-configuration`)
      return { issuer, jwks_uri: `${origin}/jwks` }
    return undefined
  }

  async function issue(kind: TokenKind, subject: string): Promise<string> {
    const variant: Variant | undefined = kind === 'access' ? {} : form?.others[kind]
    if (!form || !variant) throw new Error(`${name} has no such tokens: ${kind}`)
    const iat = Math.floor(Date.now() / 1000)
    const claims: Claims = {
      iss: issuer,
      sub: subject,
      iat,
      exp: iat + lifetimeSeconds,
      jti: randomBytes(8).toString('hex'),
      ...form.access,
      ...variant.claims,
    }
    if (variant.opaque || (kind === 'access' && form.opaque)) {
      const token = `opaque_${randomBytes(24).toString('base64url')}`
      // What is not an access token is known too where those are opaque themselves.
      if (form.opaque) opaque.set(token, { active: true, token_type: 'Bearer', ...claims })
      return token
    }
    const typ = 'typ' in variant ? variant.typ : form.typ
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: key.jwk.kid, ...(typ !== undefined && { typ }) })
      .sign(key.privateKey)
  }

  return {
    issuer,
    jwksUri: `${origin}/jwks`,
    tokenUrl: `${origin}/token`,
    settings: {
      AUTH_ISSUER: issuer,
      ...(byKeySet && { AUTH_JWKS_URI: `${origin}/jwks` }),
      ...(form.opaque && {
        AUTH_INTROSPECTION_URI: `${origin}/introspect`,
        AUTH_INTROSPECTION_CLIENT_ID: 'bff',
        AUTH_INTROSPECTION_CLIENT_SECRET: clientSecret,
      }),
      ...form.settings,
    },
    issue,
    issueAccessToken: (subject) => issue('access', subject),
    async rotateKeys() {
      key = await createKey()
      published.push(key.jwk)
    },
    close: listener.close,
  }
}

/** HTTP Basic, form-encoded. @see RFC 6749 section 2.3.1 */
function isOurs(authorization = ''): boolean {
  const credentials = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString()
  return decodeURIComponent(credentials) === `bff:${clientSecret}`
}

/** It names no `alg`, as some providers' keys do, and has members that nobody needs. */
async function createKey() {
  const { privateKey, publicKey } = await generateKeyPair('RS256', { extractable: true })
  return {
    privateKey,
    jwk: {
      ...(await exportJWK(publicKey)),
      kid: randomBytes(8).toString('hex'),
      use: 'sig',
      x5t: 'AA',
      x5c: ['AA=='],
    },
  }
}

/** A key that signs nothing, maybe of a `kid` that one has that does. */
async function decoy(members: JWK): Promise<JWK> {
  const { publicKey } = await generateKeyPair('RS256', { extractable: true })
  return { ...(await exportJWK(publicKey)), ...members }
}
