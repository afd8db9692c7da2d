/**
 * The public listener on loopback over fake ports: no Vonage, no identity provider, and a recorded log.
 */
import type { FailureCode } from '../../src/core/failures.ts'
import { ServiceFailure } from '../../src/core/failures.ts'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import type { Caller, Result } from '../../src/core/ports.ts'
import type { FinishRequest, StartRequest } from '../../src/core/verification.ts'
import type { App } from '../../src/http/app.ts'
import { createServer, describeServer, type ServerOptions } from '../../src/http/server.ts'
import { createLog } from '../../src/observability/logger.ts'
import { callerOf, listenerLimits, noLimits, unobserved } from './unobserved.ts'

export const goodToken = 'good-token'
export const authUrl = 'https://api-eu.vonage.com/oauth2/auth?client_id=1&state=canary-state'
export const startPath = '/v1/network-enablement'
export const finishPath = '/v1/number-verification'

const phoneNumber = parsePhoneNumber('+99012345678')
const verified: Result = { ...(phoneNumber && { phoneNumber }), verified: true }

/** A test's context, or a whole file's for a server that all tests of a file share. */
export interface Owner {
  teardown(close: () => unknown): void
}

/** One line of the log, parsed. */
export interface LogLine {
  level: string
  time: string
  msg: string
  request_id?: string
  trace_id?: string
  caller?: string
  country?: string
  sdk_request_id?: string
  method?: string
  route?: string
  status?: number
  duration_ms?: number
  code?: string
  note?: string
  reason?: string
  remedy?: string
  err?: { name: string }
}

export interface RecordedLog {
  /** Every line as it would be written. */
  lines: string[]
  entries(): LogLine[]
}

export interface PublicServer {
  app: App
  url: string
  /** The OpenAPI document. */
  describe(): Promise<object>
  log: RecordedLog
  /** Every start that reached the core. */
  starts: { caller: Caller; request: StartRequest }[]
  /** Every redirect that came back. */
  landings: { outcome: string; state: string | undefined }[]
  /** Every finish that reached the core. */
  finishes: { caller: Caller; request: FinishRequest }[]
  /** Forgets the log, the starts and the finishes so far. */
  forget(): void
}

/** A log at level trace, kept in memory. */
export function recordLog(t: Owner) {
  const lines: string[] = []
  const log = createLog({ level: 'trace', stream: { write: (line: string) => void lines.push(line) } })
  t.teardown(() => log.close())
  const entries = () => lines.map((line) => JSON.parse(line) as LogLine)
  return { logger: log.logger, log: { lines, entries } }
}

/** Makes a listener of these options. */
type Build = (options: ServerOptions) => Promise<App>

/**
 * `goodToken` is the token of alice; `token-<code>` fails with that code, any other with `invalid_token`. Starts and finishes
 * go well unless an override says otherwise. Closed, with its connections, when the test ends.
 */
export async function openPublicServer(
  t: Owner,
  overrides: Partial<ServerOptions> = {},
  build: Build = createServer,
): Promise<PublicServer> {
  const { logger, log } = recordLog(t)
  const starts: PublicServer['starts'] = []
  const finishes: PublicServer['finishes'] = []
  const landings: PublicServer['landings'] = []
  const options: ServerOptions = {
    ...listenerLimits,
    isDraining: () => false,
    log: logger,
    ...unobserved,
    checkReady: async () => {},
    rateLimits: noLimits,
    verification: {
      async start(caller, request) {
        starts.push({ caller, request })
        return { authUrl, requiresCarrierNetwork: true }
      },
      land: (outcome, state) => void landings.push({ outcome, state }),
      async finish(caller, request) {
        finishes.push({ caller, request })
        return verified
      },
    },
    accessTokens: {
      async verify(token) {
        if (token === goodToken) return callerOf('alice')
        const code = /^token-(.*)/.exec(token)?.[1] ?? 'invalid_token'
        throw new ServiceFailure(code as FailureCode)
      },
    },
    ...overrides,
  }
  const app = await build(options)
  const describe = () => describeServer(options, 'https://bff.example.com')
  const forget = () => [log.lines, starts, landings, finishes].forEach((record) => void record.splice(0))
  return { app, url: await listenOnLoopback(t, app), describe, log, starts, landings, finishes, forget }
}

/** @returns its URL; closed, with its connections, when the test ends */
export async function listenOnLoopback(t: Owner, app: App): Promise<string> {
  t.teardown(() => {
    const closed = app.close()
    app.server.closeAllConnections()
    return closed
  })
  return app.listen({ host: '127.0.0.1', port: 0 })
}

/** Headers of a call of the mobile app with a JSON body. */
export const appHeaders = { authorization: `Bearer ${goodToken}`, 'content-type': 'application/json' }

/** A start with this body, as JSON unless it is text. */
export const startWith = (body: unknown) => ({
  method: 'POST',
  target: startPath,
  headers: appHeaders,
  body: typeof body === 'string' ? body : JSON.stringify(body),
})
