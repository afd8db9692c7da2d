/**
 * Several real processes of the service before one Redis, with an operator that says yes to everything and counts. All that
 * an app does can be done at any of them.
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Environment } from '../../src/config.ts'
import { openIdentityProvider } from './app-client.ts'
import { receiptSettings } from './environment.ts'
import { acceptedBody, landingIn } from './fault-server.ts'
import { type MainProcess, startMain } from './main-process.ts'

const scope = 'dpv:FraudPreventionAndDetection#number-verification-verify-read'

export interface CountingOperator {
  url: string
  /** When each start arrived. */
  startedAtMs: number[]
  /** Every code that was exchanged or checked, in order. Those that begin with `wrong` are. */
  exchanged: string[]
  /** Those of them that Verify was asked about. */
  checked: string[]
  /** The number of each message, in order. */
  messages: string[]
  /** Starts that have no answer yet. */
  inFlight(): number
}

/** @param thinksForMs before it answers a start */
export async function startCountingOperator(t: Test, thinksForMs = 0): Promise<CountingOperator> {
  const startedAtMs: number[] = []
  const exchanged: string[] = []
  const checked: string[] = []
  const messages: string[] = []
  let inFlight = 0
  const server = createServer(async (request, response) => {
    const body = Buffer.concat(await request.toArray()).toString()
    let answer: object = { devicePhoneNumberVerified: true }
    if (request.url === '/v0.1/network-enablement') {
      startedAtMs.push(performance.now())
      inFlight += 1
      response.once('close', () => {
        inFlight -= 1
      })
      if (thinksForMs > 0) await wait(thinksForMs)
      const { state } = JSON.parse(body) as { state: string }
      answer = { scopes: { [scope]: { auth_url: `http://127.0.0.1/auth?state=${state}` } } }
    } else if (request.url === '/oauth2/token') {
      exchanged.push(new URLSearchParams(body).get('code') ?? '')
      answer = { access_token: 'canary-operator-token' }
    } else if (request.url === '/v2/verify') {
      startedAtMs.push(performance.now())
      response.statusCode = 202
      answer = acceptedBody()
      const [step] = (JSON.parse(body) as { workflow: [{ channel: string; to: string }] }).workflow
      if (step.channel === 'sms') messages.push(step.to)
    } else if (request.url?.startsWith('/v2/verify/')) {
      const { code } = JSON.parse(body) as { code: string }
      exchanged.push(code)
      checked.push(code)
      if (code.startsWith('wrong')) response.statusCode = 400
      answer = { status: 'completed' }
    }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return { url, startedAtMs, exchanged, checked, messages, inFlight: () => inFlight }
}

export interface AppAnswer {
  status: number
  /** The problem's, if it is one. */
  code: string | undefined
  body: {
    auth_url?: string
    code?: string
    state?: string
    phone_number?: string
    phone_number_verified?: boolean
    receipt?: string
  }
  /** From sending to the last byte. */
  ms: number
  sentAtMs: number
}

/** What the device got: a code with a state, or with a request_id. */
export type Landing = Readonly<Record<string, string>>

export interface Replica {
  url: string
  process: MainProcess
  start(token: string, phoneNumber: string): Promise<AppAnswer>
  land(code: string, state: string): Promise<AppAnswer>
  finish(token: string, landing: Landing): Promise<AppAnswer>
  sendSms(token: string, phoneNumber: string): Promise<AppAnswer>
  get(path: '/livez' | '/readyz'): Promise<AppAnswer>
  metrics(): Promise<string>
}

export interface Replicas {
  replicas: Replica[]
  /** One more, with these settings besides. */
  open(settings: Environment): Promise<Replica>
  operator: CountingOperator
  tokenOf(subject: string): string
  settings: Environment
}

/** With receipts, without rate limits, and with a quota that nothing here spends, unless the settings say otherwise. */
export async function openReplicas(
  t: Test,
  settings: Environment,
  { count = 3, operators }: { count?: number; operators?: CountingOperator[] } = {},
): Promise<Replicas> {
  const operator = operators?.[0] ?? (await startCountingOperator(t))
  const { settings: trusting, tokenOf } = await openIdentityProvider(t)
  const receipts = receiptSettings()
  const open = (more: Environment, { url } = operator) =>
    openReplica(t, {
      ...trusting,
      ...receipts,
      LOG_LEVEL: 'info',
      VONAGE_API_URL: url,
      VONAGE_TOKEN_URL: `${url}/oauth2/token`,
      VONAGE_VERIFY_URL: url,
      VONAGE_BRAND: 'Canary',
      VONAGE_REQUESTS_PER_SECOND: '1000',
      ...settings,
      ...more,
    })
  const replicas = await Promise.all(Array.from({ length: count }, (_, n) => open({}, operators?.[n])))
  return { replicas, open, operator, tokenOf, settings }
}

async function openReplica(t: Test, settings: Environment): Promise<Replica> {
  const process = startMain(t, { settings })
  const { url: listening, management_url: managementUrl } = await process.logged('listening')
  const url = String(listening)
  const post = (path: string, token: string, body: object) =>
    send(url + path, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return {
    url,
    process,
    start: (token, phoneNumber) => post('/v1/network-enablement', token, { phone_number: phoneNumber }),
    land: (code, state) =>
      send(`${url}/v1/network-enablement/callback?${new URLSearchParams({ code, state })}`),
    finish: (token, landing) => post('/v1/number-verification', token, landing),
    sendSms: (token, phoneNumber) => post('/v1/sms-verification', token, { phone_number: phoneNumber }),
    get: (path) => send(url + path),
    metrics: async () => (await fetch(`${managementUrl}/metrics`)).text(),
  }
}

/** Status 0 is no answer. */
async function send(url: string, request?: RequestInit): Promise<AppAnswer> {
  const sentAtMs = performance.now()
  try {
    const response = await fetch(url, request)
    const body = (await response.json()) as AppAnswer['body']
    const code = response.ok ? undefined : body.code
    return { status: response.status, code, body, sentAtMs, ms: performance.now() - sentAtMs }
  } catch {
    return { status: 0, code: undefined, body: {}, sentAtMs, ms: performance.now() - sentAtMs }
  }
}

/** Again while the answer is that the machine is too busy: nothing has run then. */
export async function calmly(ask: () => Promise<AppAnswer>): Promise<AppAnswer> {
  for (;;) {
    const answer = await ask()
    if (answer.code !== 'overloaded') return answer
    await wait(50)
  }
}

/** What the device gets with this code. */
export function landingOf({ body }: AppAnswer, code: string): Landing {
  return landingIn(body.auth_url ?? '', code)
}

export const phoneNumber = (n: number) => `+9905550${String(n).padStart(5, '0')}`

/** Does something every so often until it is told to stop. @returns what came of all */
export function keepDoing<T>(everyMs: number, act: (n: number) => Promise<T>): { stop(): Promise<T[]> } {
  const all: Promise<T>[] = []
  const timer = setInterval(() => all.push(act(all.length)), everyMs)
  return {
    stop() {
      clearInterval(timer)
      return Promise.all(all)
    },
  }
}
