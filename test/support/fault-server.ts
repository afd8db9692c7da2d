/**
 * Vonage's calls, those of both products, on one raw server that misbehaves where a test says so: well-behaved answers, faults of HTTP by name
 * (those of the wire are in `http-faults.ts`), and addresses where nothing good listens.
 */

import { randomUUID } from 'node:crypto'
import type { Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Test } from 'tap'
import { answer, head } from './http-faults.ts'
import { createRsaKeys, privatePem } from './keys.ts'
import { startRawServer } from './raw-server.ts'
import { createSelfSignedCertificate } from './self-signed-certificate.ts'

/** The three of Network Enablement, and those of Verify v2. */
export type Step = 'start' | 'token' | 'verify' | 'verify_v2' | 'verify_v2_next' | 'verify_v2_check'
/** What happens on a connection when a whole request has come. */
export type Act = (socket: Socket, request: string) => void

export const scope = 'dpv:FraudPreventionAndDetection#number-verification-verify-read'
/** In every bad answer; must not get through to anybody. */
export const upstreamCanary = 'canary-upstream-text'
export const accessTokenCanary = 'canary-upstream-access-token'

const paths: Record<Step, RegExp> = {
  start: /^\/v0\.1\/network-enablement$/,
  token: /^\/oauth2\/token$/,
  verify: /^\/camara\/number-verification\/v031\/verify$/,
  verify_v2: /^\/v2\/verify$/,
  verify_v2_next: /^\/v2\/verify\/[0-9a-f-]{36}\/next_workflow$/,
  verify_v2_check: /^\/v2\/verify\/[0-9a-f-]{36}$/,
}
const steps = Object.keys(paths) as Step[]

export interface FaultServer {
  url: string
  /** Whole requests of this step so far: head and body. */
  calls(step: Step): string[]
  connections: Socket[]
  /** From now on every step behaves as given here, and well where nothing is given. */
  behave(acts: Partial<Record<Step, Act>>): void
  /** From now on every connection is cut, those that come as those that are. */
  vanish(): void
}

export async function startFaultServer(
  t: Pick<Test, 'teardown'>,
  initially: Partial<Record<Step, Act>> = {},
): Promise<FaultServer> {
  let acts = initially
  let vanished = false
  const calls: Record<Step, string[]> = {
    start: [],
    token: [],
    verify: [],
    verify_v2: [],
    verify_v2_next: [],
    verify_v2_check: [],
  }
  const server = await startRawServer(t as Test, {
    onConnection: (socket) => vanished && socket.resetAndDestroy(),
    onRequest(socket) {
      const text = server.requests.at(-1) ?? ''
      const path = text.split(' ', 2)[1] ?? ''
      const step = steps.find((step) => paths[step].test(path))
      if (!step) return socket.destroy()
      calls[step].push(text)
      ;(acts[step] ?? good[step])(socket, text)
    },
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    calls: (step) => calls[step],
    connections: server.connections,
    behave(next) {
      acts = next
    },
    vanish() {
      vanished = true
      for (const socket of server.connections) socket.resetAndDestroy()
    },
  }
}

/** The state in a request's body, or in an `auth_url`. */
export function stateIn(text: string): string {
  return /state(?:":"|=)([\w-]{43})/.exec(text)?.[1] ?? ''
}

/** Vonage's name of a verification, where the `check_url` below has it. */
export function requestIdIn(text: string): string {
  return /request=([0-9a-f-]{36})/.exec(text)?.[1] ?? ''
}

/** What the device gets with this code at the URL of a start's answer, with either product. */
export function landingIn(text: string, code: string): Record<string, string> {
  const [state, requestId] = [stateIn(text), requestIdIn(text)]
  return requestId === '' ? { code, state } : { code, request_id: requestId }
}

/** The connection ends with a good answer, so that the next call, perhaps a bad one, has a fresh one. */
const closing = (body: object) => (socket: Socket) =>
  void socket.end(answer(JSON.stringify(body), 'connection: close'))

/** Of a start of Verify v2. */
export function acceptedBody() {
  const requestId = randomUUID()
  return { request_id: requestId, check_url: `http://127.0.0.1/check?request=${requestId}` }
}

/** As 202, and the connection stays. @param body JSON unless it is text */
export function accepted(body: unknown, ...lines: string[]): Act {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return (socket) => void socket.write(asAccepted(answer(text, ...lines)))
}

const asAccepted = (answer: string) => answer.replace('200 OK', '202 Accepted')

export const good: Record<Step, Act> = {
  start: (socket, request) =>
    closing(startBody({ auth_url: `http://127.0.0.1/auth?state=${stateIn(request)}` }))(socket),
  token: closing({ access_token: accessTokenCanary, token_type: 'bearer', expires_in: 29 }),
  verify: closing({ devicePhoneNumberVerified: true }),
  verify_v2: (socket) =>
    void socket.end(asAccepted(answer(JSON.stringify(acceptedBody()), 'connection: close'))),
  verify_v2_next: closing({}),
  verify_v2_check: closing({ request_id: 'an-id', status: 'completed' }),
}

/** An answer to a start with this entry for the scope. */
export const startBody = (entry: unknown) => ({ scopes: { [scope]: entry } })

/** JSON unless it is text. */
export function json(body: unknown): Act {
  return (socket) => void socket.write(answer(typeof body === 'string' ? body : JSON.stringify(body)))
}

/** @param lines header lines, or what makes them when the answer is due */
export function status(code: number, lines: string[] | (() => string[]) = [], body: unknown = {}): Act {
  return (socket) => {
    const text = JSON.stringify({ title: upstreamCanary, detail: upstreamCanary, ...(body as object) })
    const due = typeof lines === 'function' ? lines() : lines
    const headers = [`content-length: ${text.length}`, `x-canary: ${upstreamCanary}`, ...due]
    socket.write(head(...headers).replace('200 OK', `${code} ${upstreamCanary}`) + text)
  }
}

export const noContent: Act = (socket) => void socket.write('HTTP/1.1 204 No Content\r\n\r\n')

export function gzipped(body: unknown, status: 200 | 202 = 200): Act {
  return (socket) => {
    const bytes = gzipSync(JSON.stringify(body))
    const lines = head(`content-length: ${bytes.length}`, 'content-encoding: gzip')
    socket.write(status === 202 ? asAccepted(lines) : lines)
    socket.write(bytes)
  }
}

/** A place from which no good answer can come. */
export interface BadPlace {
  url: string
  /** Of requests; the hello of TLS is none. */
  receivedBytes(): number
}

const none = () => 0
const nowhere = (url: string) => async (): Promise<BadPlace> => ({ url, receivedBytes: none })

/** A certificate and its key, valid for no host name. */
export function createCertificate(): { key: string; cert: string } {
  const keys = createRsaKeys()
  const der = createSelfSignedCertificate(keys).toString('base64')
  return {
    key: privatePem(keys),
    cert: `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`,
  }
}

/** @param trusted a certificate that the service trusts, though it names no host */
export function badPlaces(trusted: { key: string; cert: string }) {
  async function listen(t: Test, options: Parameters<typeof startRawServer>[1]): Promise<BadPlace> {
    const { port, receivedBytes } = await startRawServer(t, options)
    return { url: `https://127.0.0.1:${port}`, receivedBytes: options.tls ? receivedBytes : none }
  }
  const untrusted = createCertificate()
  return {
    refused: nowhere('http://127.0.0.1:1'),
    nameless: nowhere('https://nope.invalid'),
    untrusted: (t: Test) => listen(t, { tls: untrusted }),
    wrongHost: (t: Test) => listen(t, { tls: trusted }),
    plain: (t: Test) => listen(t, { onConnection: (socket) => socket.end('HTTP/1.1 400 Bad\r\n\r\n') }),
    silent: (t: Test) => listen(t, {}),
  }
}
