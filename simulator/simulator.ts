/**
 * The whole outside world of the service in one process: a virtual Vonage with a carrier, and an identity provider.
 * Two HTTP listeners, on loopback by default. Written from the public documents; shares no code with the service.
 */

import { createPublicKey, generateKeyPair } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Sleep } from './context.ts'
import type { HopLog, ReceivedCall } from './hops.ts'
import { audience, type IdentityProviderOptions, startIdentityProvider } from './identity-provider.ts'
import { startOperator } from './operator.ts'
import type { Holder, Phone } from './phone.ts'
import type { Message } from './verify-v2/verifications.ts'
import { startWornProvider } from './worn-provider.ts'

/** The application id unless another is given. */
const defaultApplicationId = '5a1c0d2e-7b34-4f6a-9c8d-0e1f2a3b4c5d'

export interface SimulatorOptions {
  /** The one redirect URI registered for the application. */
  redirectUri: string
  /** Where the phone reaches the service; an origin. Default: that of the redirect URI. */
  serviceUrl?: string
  /** Default 127.0.0.1. */
  host?: string
  /** Default 0, which takes any free port. */
  operatorPort?: number
  /** Default 0, which takes any free port. */
  identityProviderPort?: number
  /** The real identity provider whose form ours wears, such as `okta`. Default: RFC 9068. */
  idp?: string
  /** The base URL of the operator as others reach it, without a trailing slash. Default: the address listened on. */
  operatorUrl?: string
  /** The base of the URLs that devices open. Default: that of the operator. */
  deviceUrl?: string
  /** The issuer as others reach it, an origin. Default: the address listened on. */
  issuer?: string
  /** Default `defaultApplicationId`. */
  applicationId?: string
  /** The application's RSA key, PKCS#8 or PKCS#1. Default: a new one of 2048 bits, which takes a moment. */
  privateKeyPem?: string
  /** The quota of Network Enablement calls in every sliding second. Default 10; 0 means no limit. */
  requestsPerSecond?: number
  /** The operator's clock, epoch milliseconds. Default `Date.now`. The identity provider keeps its own time. */
  now?: () => number
  /** How a late answer waits, in milliseconds, until the signal aborts. Default: a timer. */
  sleep?: Sleep
}

export interface Simulator {
  /** The base of Vonage's APIs, Verify v2 among them. */
  operatorUrl: string
  /** Vonage's token endpoint, where a code becomes an access token. */
  tokenUrl: string
  issuer: string
  /** The identity provider's token endpoint, where a caller gets an access token for the service. */
  issuerTokenUrl: string
  jwksUri: string
  /** The `aud` of the identity provider's access tokens. */
  audience: string
  /** Environment of a service that trusts the identity provider. */
  identitySettings: Readonly<Record<string, string>>
  applicationId: string
  /** What the service signs its application JWTs with. The operator itself uses the public half only. */
  privateKeyPem: string
  /**
   * Asks the identity provider, over HTTP, for an access token that lives one hour.
   * @param subject its `sub`: 1 to 64 letters, digits, `.`, `_` or `-`
   * @param options `scope`: any, separated by spaces; none by default
   * @throws Error when the identity provider refuses
   */
  issueAccessToken(subject: string, options?: { scope?: string }): Promise<string>
  /** Puts a new signing key first in the JWKS. Those before it stay published, so older tokens stay valid. */
  rotateKeys(): Promise<void>
  /** Where the page is that looks like a phone. */
  phonePageUrl: string
  /** A phone that walks a verification, of the caller (`device`, the default) or of an attacker. */
  createPhone(holder?: Holder): Phone
  /** The SMS that have reached this number (E.164 with the plus sign), oldest first. */
  messages(phoneNumber: string): readonly Message[]
  /** Every request to the operator, redacted. */
  hops: HopLog
  /** For tests: the last 1,000 requests of the service to the operator as they came, secrets included. */
  received(): readonly ReceivedCall[]
  /** Cuts every connection and every late answer. */
  close(): Promise<void>
}

/** Resolves once both listeners accept connections. @throws when a port is taken or the key is unreadable. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  const host = options.host ?? '127.0.0.1'
  const applicationId = options.applicationId ?? defaultApplicationId
  const privateKeyPem = options.privateKeyPem ?? (await createPrivateKeyPem())

  const startProvider = options.idp
    ? (settings: IdentityProviderOptions) => startWornProvider(options.idp ?? '', settings)
    : startIdentityProvider
  const identityProvider = await startProvider({
    host,
    port: options.identityProviderPort ?? 0,
    issuer: options.issuer,
  })
  const operator = await startOperator({
    host,
    port: options.operatorPort ?? 0,
    operatorUrl: options.operatorUrl,
    deviceUrl: options.deviceUrl,
    applicationId,
    publicKey: createPublicKey(privateKeyPem),
    redirectUri: options.redirectUri,
    serviceUrl: new URL(options.serviceUrl ?? options.redirectUri).origin,
    issueAccessToken: identityProvider.issueAccessToken,
    requestsPerSecond: options.requestsPerSecond ?? 10,
    now: options.now ?? Date.now,
    sleep: options.sleep ?? ((durationMs, signal) => setTimeout(durationMs, undefined, { signal })),
  }).catch(async (error: unknown) => {
    await identityProvider.close()
    throw error
  })

  return {
    operatorUrl: operator.operatorUrl,
    tokenUrl: `${operator.operatorUrl}/oauth2/token`,
    issuer: identityProvider.issuer,
    issuerTokenUrl: identityProvider.tokenUrl,
    jwksUri: identityProvider.jwksUri,
    audience,
    identitySettings: identityProvider.settings,
    applicationId,
    privateKeyPem,
    issueAccessToken: identityProvider.issueAccessToken,
    rotateKeys: identityProvider.rotateKeys,
    phonePageUrl: `${operator.operatorUrl}/`,
    createPhone: operator.createPhone,
    messages: operator.messages,
    hops: operator.hops,
    received: operator.hops.received,
    async close() {
      await Promise.all([operator.close(), identityProvider.close()])
    },
  }
}

/** A new RSA key of 2048 bits, PKCS#8 PEM. */
async function createPrivateKeyPem(): Promise<string> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', { modulusLength: 2048 })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}
