/** An app's calls to a service that a test opened in a process of its own, and the settings and tokens for it. */

import type { Environment } from '../../src/config.ts'
import { signers } from './compact-jwt.ts'
import { type DocumentServer, openDocumentServer } from './document-server.ts'
import { requiredSettings } from './environment.ts'
import type { Owner } from './public-server.ts'
import { call, type RawAnswer } from './raw-http.ts'
import { audience, createTokenProvider, issuer, type TokenProvider } from './token-provider.ts'

export interface IdentityProvider {
  provider: TokenProvider
  keyServer: DocumentServer
  /** A good access token, good for an hour. Each has its own bytes, so that none is remembered from another. */
  tokenOf(subject: string): string
  /** What a service needs to trust it; Vonage is nowhere unless told. */
  settings: Environment
}

/** One in each test file: making its keys takes a while. */
let provider: TokenProvider | undefined

export async function openIdentityProvider(t: Owner): Promise<IdentityProvider> {
  provider ??= createTokenProvider()
  const { ed, token } = provider
  const keyServer = await openDocumentServer(t, { '/keys': provider.keySet })
  const signer = signers.EdDSA(ed.privateKey)
  let issued = 0
  return {
    provider,
    keyServer,
    tokenOf(sub) {
      const iat = Math.floor(Date.now() / 1000)
      const claims = { sub, iat, exp: iat + 3600, jti: `canary-jti-${++issued}` }
      return token({ header: { alg: 'EdDSA', kid: 'ed' }, claims, signer })
    },
    settings: {
      ...requiredSettings(),
      HOST: '127.0.0.1',
      PORT: '0',
      MANAGEMENT_PORT: '0',
      LOG_LEVEL: 'trace',
      AUTH_ISSUER: issuer,
      AUTH_AUDIENCE: audience,
      AUTH_JWKS_URI: `${keyServer.origin}/keys`,
      VONAGE_API_URL: 'http://127.0.0.1:1',
      VONAGE_TOKEN_URL: 'http://127.0.0.1:1/oauth2/token',
      VONAGE_VERIFY_URL: 'http://127.0.0.1:1',
      RATE_LIMIT_ADDRESS_PER_MINUTE: '0',
      RATE_LIMIT_CALLER_PER_MINUTE: '0',
      RATE_LIMIT_NUMBER_PER_HOUR: '0',
      RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY: '0',
    },
  }
}

export interface TimedAnswer extends RawAnswer {
  elapsedMs: number
}

export interface AppCall {
  token: string
  requestId?: string
}

/** Refused by load shedding, which a machine busy with other tests may set off, a call is made again: nothing has run. */
async function post(url: string, body: unknown, { token, requestId }: AppCall): Promise<TimedAnswer> {
  for (let tries = 0; ; tries++) {
    const beganMs = performance.now()
    const answer = await call(url, {
      method: 'POST',
      target: new URL(url).pathname,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'x-request-id': requestId,
      },
      body: JSON.stringify(body),
    })
    const elapsedMs = performance.now() - beganMs
    if (tries === 10 || !answer.body.includes('"overloaded"')) return { ...answer, elapsedMs }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

export function start(serviceUrl: string, phoneNumber: string, app: AppCall): Promise<TimedAnswer> {
  return post(`${serviceUrl}/v1/network-enablement`, { phone_number: phoneNumber }, app)
}

export function sendSms(serviceUrl: string, phoneNumber: string, app: AppCall): Promise<TimedAnswer> {
  return post(`${serviceUrl}/v1/sms-verification`, { phone_number: phoneNumber }, app)
}

export function finish(
  serviceUrl: string,
  body: Readonly<Record<string, string>>,
  app: AppCall,
): Promise<TimedAnswer> {
  return post(`${serviceUrl}/v1/number-verification`, body, app)
}
