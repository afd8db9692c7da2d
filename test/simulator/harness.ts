/**
 * A small client for the simulator's own tests: signs application JWTs and speaks each step of the flow over real sockets.
 * Knows the wire from the same documents as the simulator, and nothing of the service.
 */

import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { SignJWT } from 'jose'
import { t as file } from 'tap'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts'

export const scope = 'dpv:FraudPreventionAndDetection#number-verification-verify-read'
export const redirectUri = 'http://127.0.0.1:3000/v1/network-enablement/callback'
export const startPath = '/v0.1/network-enablement'
export const verifyPath = '/camara/number-verification/v031/verify'

/** One key per test process. */
export const privateKeyPem = generateKeyPairSync('rsa', { modulusLength: 2048 })
  .privateKey.export({ type: 'pkcs8', format: 'pem' })
  .toString()

/** A simulator that closes with the test file, without a quota. */
export async function startTestSimulator(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator({
    redirectUri,
    privateKeyPem,
    requestsPerSecond: 0,
    ...options,
  })
  file.teardown(simulator.close)
  return simulator
}

export interface JwtParts {
  claims?: Record<string, unknown>
  header?: { alg: string; typ?: string }
  key?: KeyObject | Uint8Array
}

/** An Authorization header with an application JWT, good unless parts of it are replaced. */
export async function applicationJwt(simulator: Simulator, parts: JwtParts = {}): Promise<string> {
  const claims = {
    application_id: simulator.applicationId,
    iat: Math.floor(Date.now() / 1000),
    jti: 'a-token-id',
    ...parts.claims,
  }
  const signed = new SignJWT(claims).setProtectedHeader(parts.header ?? { alg: 'RS256', typ: 'JWT' })
  return `Bearer ${await signed.sign(parts.key ?? createPrivateKey(privateKeyPem))}`
}

export interface StartOptions {
  authorization?: string
  body?: unknown
  headers?: Record<string, string>
}

/** Sends a start with a good body, unless another is given. */
export async function start(simulator: Simulator, phoneNumber: string, options: StartOptions = {}) {
  const body = options.body ?? {
    phone_number: phoneNumber,
    scopes: [scope],
    state: 'the-state-of-the-caller',
  }
  return fetch(`${simulator.operatorUrl}${startPath}`, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      authorization: options.authorization ?? (await applicationJwt(simulator)),
      'content-type': 'application/json',
      ...options.headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** The members that an entry of the 200 may have. */
export interface ScopeEntry {
  auth_url?: unknown
  requires_carrier_network?: unknown
  app_url?: unknown
  error?: { title: string; instance: string; detail: string; error_type: string }
}

/** What a start answers for the one scope. */
export async function entryOf(response: Response): Promise<ScopeEntry | undefined> {
  const { scopes } = (await response.json()) as { scopes: Record<string, ScopeEntry> }
  return scopes[scope]
}

/** Starts, and gives the `auth_url`. */
export async function authUrlFor(simulator: Simulator, phoneNumber: string): Promise<string> {
  const entry = await entryOf(await start(simulator, phoneNumber))
  return String(entry?.auth_url)
}

/** Follows the redirects on the operator's host as a device; gives where the last one leads, and the number of hops. */
export async function walk(simulator: Simulator, url: string, headers: Record<string, string> = {}) {
  let hops = 0
  let next = url
  while (next.startsWith(simulator.operatorUrl)) {
    // Only the first hop carries what the app adds.
    const response = await fetch(next, { redirect: 'manual', headers: hops === 0 ? headers : {} })
    if (response.status !== 302) throw new Error(`the hop answered ${response.status}`)
    next = response.headers.get('location') ?? ''
    hops += 1
  }
  return { landing: new URL(next), hops }
}

/** Starts and walks, and gives the code. */
export async function codeFor(
  simulator: Simulator,
  phoneNumber: string,
  headers: Record<string, string> = {},
) {
  const { landing } = await walk(simulator, await authUrlFor(simulator, phoneNumber), headers)
  return landing.searchParams.get('code') ?? ''
}

/** Sends a token request with good parameters, unless others are given. */
export async function exchange(
  simulator: Simulator,
  code: string,
  options: { form?: string | Record<string, string>; authorization?: string } = {},
) {
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri }
  return fetch(simulator.tokenUrl, {
    method: 'POST',
    headers: { authorization: options.authorization ?? (await applicationJwt(simulator)) },
    body: new URLSearchParams(options.form ?? form),
  })
}

/** Starts, walks and exchanges, and gives the access token. */
export async function accessTokenFor(
  simulator: Simulator,
  phoneNumber: string,
  headers: Record<string, string> = {},
) {
  const response = await exchange(simulator, await codeFor(simulator, phoneNumber, headers))
  const { access_token } = (await response.json()) as { access_token: string }
  return access_token
}

export async function verify(
  simulator: Simulator,
  accessToken: string,
  body: unknown,
  headers: Record<string, string> = {},
) {
  return fetch(`${simulator.operatorUrl}${verifyPath}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${accessToken}`, 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
}

/** An answer in short: status and result or error code, `unreadable` for what is not JSON, `cut` for none. */
export async function readAnswer(send: () => Promise<Response>) {
  const response = await send().catch(() => undefined)
  const text = await response?.text().catch(() => undefined)
  if (!response || text === undefined) return { status: 0, text: 'cut', body: undefined }
  const { status, headers } = response
  const body = headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined
  const retryAfter = headers.has('retry-after') ? `, Retry-After ${headers.get('retry-after')}` : ''
  if (body === undefined) return { status, text: `${status} unreadable${retryAfter}`, body }
  const result =
    status === 200 ? body.devicePhoneNumberVerified : (body.code ?? body.error ?? body.type.split('#')[1])
  return { status, text: `${status} ${result}`, body: body as { access_token?: string } }
}
