/**
 * The identity provider of the simulated company: oidc-provider with client credentials on its own listener.
 * Issues JWT access tokens (RFC 9068) and can replace its signing key without changing its issuer.
 * There are no users: each subject is a client id, since a client-credentials token carries `sub` = `client_id`.
 */

import { randomUUID } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import { exportJWK, generateKeyPair } from 'jose'
import Provider, { type Adapter, errors, type JWK } from 'oidc-provider'
import { listen } from './listen.ts'

/** The secret of every client. It protects nothing: the provider hands a token for any subject to whoever asks. */
export const clientSecret = 'simulator-secret'

/** The `aud` of every access token. */
export const audience = 'https://network-enablement-bff.example'

/** What may be a subject, and so a client id. */
const subjectPattern = /^[A-Za-z0-9._-]{1,64}$/

/** Long enough for a demonstration by hand. */
const accessTokenLifetimeSeconds = 3600

const signingAlgorithm = 'ES256'

export interface IdentityProviderOptions {
  host: string
  /** 0 takes any free port. */
  port: number
  /** The advertised issuer, an origin such as `http://idp:4001`; by default the address listened on. */
  issuer: string | undefined
}

export interface IdentityProvider {
  issuer: string
  jwksUri: string
  /** The token endpoint under the advertised issuer. */
  tokenUrl: string
  /** Environment of a service that trusts it. */
  settings: Readonly<Record<string, string>>
  /** Asks the token endpoint, over HTTP, for an access token. @throws Error when the endpoint refuses. */
  issueAccessToken(subject: string, options?: { scope?: string }): Promise<string>
  rotateKeys(): Promise<void>
  close(): Promise<void>
}

/** Starts the identity provider on its own port. */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const keys: JWK[] = [await createSigningKey()]
  let serve: RequestListener = (_request, response) => response.writeHead(503).end()
  const listener = await listen(
    createServer((request, response) => serve(request, response)),
    options,
  )
  const issuer = options.issuer ?? listener.url

  function serveWithCurrentKeys(): void {
    serve = createProvider(issuer, keys).callback()
  }
  serveWithCurrentKeys()

  return {
    issuer,
    jwksUri: `${issuer}/jwks`,
    tokenUrl: `${issuer}/token`,
    settings: { AUTH_ISSUER: issuer, AUTH_AUDIENCE: audience },
    issueAccessToken: (subject, { scope } = {}) =>
      requestAccessToken(`${listener.url}/token`, subject, scope),
    async rotateKeys() {
      keys.unshift(await createSigningKey())
      serveWithCurrentKeys()
    },
    close: listener.close,
  }
}

function createProvider(issuer: string, keys: JWK[]): Provider {
  return new Provider(issuer, {
    adapter: () => createClientAdapter(),
    jwks: { keys: [...keys] },
    clientAuthMethods: ['client_secret_post'],
    ttl: { ClientCredentials: accessTokenLifetimeSeconds },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => audience,
        useGrantedResource: () => true,
        getResourceServerInfo(ctx, resource) {
          if (resource !== audience) throw new errors.InvalidTarget()
          // Whatever scope is asked for is granted.
          const { scope } = ctx.oidc.params ?? {}
          return {
            scope: String(scope ?? ''),
            audience,
            accessTokenFormat: 'jwt',
            jwt: { sign: { alg: signingAlgorithm } },
          }
        },
      },
    },
  })
}

/** Knows a client for every id that may be a subject, and stores nothing: JWT access tokens need no storage. */
function createClientAdapter(): Adapter {
  return {
    async find(id) {
      if (!subjectPattern.test(id)) return undefined
      return {
        client_id: id,
        client_secret: clientSecret,
        grant_types: ['client_credentials'],
        response_types: [],
        redirect_uris: [],
        token_endpoint_auth_method: 'client_secret_post',
        // The only key type here; oidc-provider refuses a client whose ID token algorithm has no key.
        id_token_signed_response_alg: signingAlgorithm,
      }
    },
    upsert: async () => {},
    consume: async () => {},
    destroy: async () => {},
    revokeByGrantId: async () => {},
    findByUserCode: async () => undefined,
    findByUid: async () => undefined,
  }
}

async function createSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair(signingAlgorithm, { extractable: true })
  const jwk = await exportJWK(privateKey)
  return { ...jwk, kid: randomUUID(), use: 'sig', alg: signingAlgorithm } as JWK
}

async function requestAccessToken(tokenUrl: string, subject: string, scope?: string): Promise<string> {
  const response = await fetch(tokenUrl, {
    method: 'POST',
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: subject,
      client_secret: clientSecret,
      ...(scope === undefined ? {} : { scope }),
    }),
  })
  const answer = (await response.json()) as { access_token?: string; error?: string }
  if (!answer.access_token)
    throw new Error(`the identity provider refused: ${response.status} ${answer.error}`)
  return answer.access_token
}
