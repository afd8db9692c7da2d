/** The two parties that the service speaks to, on one loopback origin: an operator that starts everything, and an identity provider. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Environment } from '../../src/config.ts'
import { type DocumentServer, openDocumentServer } from './document-server.ts'
import { listeningSettings } from './environment.ts'
import { type Owner, startWith } from './public-server.ts'
import { audience, createTokenProvider } from './token-provider.ts'

const provider = createTokenProvider()
const scope = 'dpv:FraudPreventionAndDetection#number-verification-verify-read'
const authUrl = 'https://operator.example/oauth2/auth?state=a-state'

/** What the service makes of the operator's answer. */
export const startedBody = JSON.stringify({ auth_url: authUrl, requires_carrier_network: true })

/** An operator that answers a start with this URL. */
export function answerStartWith(url: string) {
  return (_request: IncomingMessage | undefined, response: ServerResponse): void => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ scopes: { [scope]: { auth_url: url, requires_carrier_network: true } } }))
  }
}

/** The operator's answer to a start. */
export const answerStart = answerStartWith(authUrl)

/** Settings of a service that a test may ask as often as it likes. */
export const unlimited: Environment = {
  VONAGE_REQUESTS_PER_SECOND: '1000',
  RATE_LIMIT_ADDRESS_PER_MINUTE: '0',
  RATE_LIMIT_CALLER_PER_MINUTE: '0',
  RATE_LIMIT_NUMBER_PER_HOUR: '0',
  RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY: '0',
}

/** The operator and the identity provider on one origin. */
export async function openUpstream(t: Owner): Promise<DocumentServer> {
  const upstream = await openDocumentServer(t, {
    '/keys': provider.keySet,
    '/v0.1/network-enablement': answerStart,
  })
  const { origin } = upstream
  upstream.documents.set('/.well-known/openid-configuration', { issuer: origin, jwks_uri: `${origin}/keys` })
  return upstream
}

/** Settings of a service in front of it, on free ports. */
export function settingsFor({ origin }: DocumentServer, changes: Environment = {}) {
  return listeningSettings({
    AUTH_ISSUER: origin,
    AUTH_AUDIENCE: audience,
    VONAGE_API_URL: origin,
    ...changes,
  })
}

/** The value of an Authorization header with a good access token, of this type and of this subject. */
export function goodAuthorization(
  { origin }: DocumentServer,
  typ = 'at+jwt',
  sub = 'canary-subject',
): string {
  const claims = { iss: origin, sub, exp: Math.ceil(Date.now() / 1000) + 3600 }
  return `Bearer ${provider.token({ claims, header: { typ } })}`
}

/** A start of +99012345678 with a good access token, of this type. */
export function goodStart(upstream: DocumentServer, typ?: string) {
  const request = startWith({ phone_number: '+99012345678' })
  return { ...request, headers: { ...request.headers, authorization: goodAuthorization(upstream, typ) } }
}
