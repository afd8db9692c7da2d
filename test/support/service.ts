/**
 * The whole world of one verification on loopback: the virtual operator with its identity provider, the service before it,
 * an app that calls the service, and a phone that opens URLs.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { type Simulator, type SimulatorOptions, startSimulator } from '../../simulator/simulator.ts'
import { openService, type Service } from '../../src/compose.ts'
import { type Environment, parseConfig } from '../../src/config.ts'
import { findFreePort } from './free-port.ts'
import { createRsaKeys, privatePem } from './keys.ts'

export const startPath = '/v1/network-enablement'
export const callbackPath = '/v1/network-enablement/callback'
export const finishPath = '/v1/number-verification'

/** Members that the service's answers may have. */
export interface Body {
  auth_url?: string
  requires_carrier_network?: boolean
  code?: string
  state?: string
  phone_number?: string
  phone_number_verified?: boolean
  receipt?: string
  request_id?: string
}

export interface Answer {
  status: number
  headers: Headers
  text: string
  body: Body
}

/** What the device got on the landing page, unchanged. */
export interface Landing {
  code: string
  state: string
}

export interface World {
  service: Service
  simulator: Simulator
  /** An access token of this subject. */
  tokenOf(subject: string): Promise<string>
  start(token: string, phoneNumber: string): Promise<Answer>
  /** @param body JSON unless it is text */
  finish(token: string, body: unknown): Promise<Answer>
  /** Any request to the service. Repeated while the service sheds load. */
  send(url: string, request?: RequestInit): Promise<Answer>
  /** The auth_url of a start that must go well. */
  authUrl(token: string, phoneNumber: string): Promise<string>
  /** Starts, opens the URL on the device, and gives what the device got; all must go well. */
  landingOf(token: string, phoneNumber: string, options?: PhoneOptions): Promise<Landing>
  /** How many codes were exchanged, and how many numbers checked, at the operator so far. */
  exchanges(): number
  checks(): number
}

/**
 * Without rate limits, and with a quota that no test spends.
 * @param closing `after` of node:test, or of one test: called with what closes all of it
 */
export async function openWorld(
  closing: (close: () => Promise<void>) => void,
  settings: Environment = {},
  simulatorOptions: Partial<SimulatorOptions> = {},
): Promise<World> {
  // The registered redirect URI names it before the service can listen on it.
  const port = await findFreePort(20_000)
  const redirectUri = `http://127.0.0.1:${port}${callbackPath}`
  const privateKeyPem = privatePem(createRsaKeys())
  const simulator = await startSimulator({
    redirectUri,
    privateKeyPem,
    requestsPerSecond: 0,
    ...simulatorOptions,
  })
  const service = await openService(
    parseConfig({
      HOST: '127.0.0.1',
      PORT: String(port),
      MANAGEMENT_PORT: '0',
      LOG_LEVEL: 'silent',
      AUTH_ISSUER: simulator.issuer,
      AUTH_AUDIENCE: simulator.audience,
      VONAGE_APPLICATION_ID: simulator.applicationId,
      VONAGE_PRIVATE_KEY: privateKeyPem,
      VONAGE_REDIRECT_URI: redirectUri,
      VONAGE_API_URL: simulator.operatorUrl,
      VONAGE_TOKEN_URL: simulator.tokenUrl,
      VONAGE_VERIFY_URL: simulator.operatorUrl,
      VONAGE_BRAND: 'Canary Bank',
      VONAGE_AUTH_URL_HOSTS: '127.0.0.1',
      VONAGE_REQUESTS_PER_SECOND: '1000',
      RATE_LIMIT_ADDRESS_PER_MINUTE: '0',
      RATE_LIMIT_CALLER_PER_MINUTE: '0',
      RATE_LIMIT_NUMBER_PER_HOUR: '0',
      RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY: '0',
      ...settings,
    }),
  ).catch(async (error: unknown) => {
    await simulator.close()
    throw error
  })
  closing(async () => {
    await service.close()
    await simulator.close()
  })

  const post = (path: string, token: string, body: unknown) =>
    send(service.url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })

  const world: World = {
    service,
    simulator,
    send,
    tokenOf: (subject) => simulator.issueAccessToken(subject),
    start: (token, phoneNumber) => post(startPath, token, { phone_number: phoneNumber }),
    finish: (token, body) => post(finishPath, token, body),
    async authUrl(token, phoneNumber) {
      const { text, body } = await world.start(token, phoneNumber)
      return body.auth_url ?? fail('start', text)
    },
    async landingOf(token, phoneNumber, options) {
      const { text, body } = await openAuthUrl(await world.authUrl(token, phoneNumber), options)
      const { code = fail('landing', text), state = fail('landing', text) } = body
      return { code, state }
    },
    exchanges: () => simulator.hops.count('/oauth2/token'),
    checks: () => simulator.hops.count('/camara/number-verification/v031/verify'),
  }
  return world
}

export interface PhoneOptions {
  /** Default cellular. */
  network?: 'cellular' | 'wifi'
}

/** What Vonage's libraries allow at their default. */
const maxRedirects = 10

/** A phone: follows the redirects one by one, over this network, without any header of ours. @returns the landing page */
export async function openAuthUrl(url: string, { network = 'cellular' }: PhoneOptions = {}): Promise<Answer> {
  let headers: Record<string, string> = { 'x-simulated-network': network }
  let next = url
  for (let redirects = 0; redirects <= maxRedirects; redirects++) {
    const answer = await send(next, { redirect: 'manual', headers })
    const location = answer.headers.get('location')
    if (location === null) return answer
    next = new URL(location, next).href
    headers = {}
  }
  return fail('too many redirects', url)
}

async function send(url: string, request: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, request)
  const text = await response.text()
  const isJson = /^application\/(problem\+)?json\b/.test(response.headers.get('content-type') ?? '')
  const body = isJson && text ? (JSON.parse(text) as Body) : {}
  // A machine busy with other tests may set it off, which is no test's matter here. It comes before anything has run.
  if (body.code === 'overloaded') {
    await wait(50)
    return send(url, request)
  }
  return { status: response.status, headers: response.headers, text, body }
}

function fail(what: string, text: string): never {
  throw new Error(`${what}: ${text}`)
}
