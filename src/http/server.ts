/**
 * The public listener: everything registered, in the order in which a request meets it. Read this first.
 */
import type { BeginServerSpan } from '../core/spans.ts'
import type { Verification } from '../core/verification.ts'
import { type App, type AppOptions, createApp } from './app.ts'
import { type AccessTokenVerifier, guard } from './authenticate.ts'
import { readForwarded } from './forwarded.ts'
import { apiDocument, describeApi } from './openapi.ts'
import { openRateLimits, type RateLimitOptions } from './rate-limit.ts'
import { callbackRoutes, receiveUnreadable } from './routes/callback.ts'
import { type KeySet, keySetRoutes } from './routes/key-set.ts'
import { networkEnablementRoutes } from './routes/network-enablement.ts'
import { numberVerificationRoutes } from './routes/number-verification.ts'
import { operationsRoutes } from './routes/operations.ts'
import { smsVerificationRoutes } from './routes/sms-verification.ts'
import { shedLoad } from './shed-load.ts'
import { traceRequests } from './trace-requests.ts'

export interface ServerOptions extends AppOptions {
  verification: Verification
  accessTokens: AccessTokenVerifier
  rateLimits: RateLimitOptions
  /** @throws shutting_down, store_unavailable */
  checkReady: () => Promise<void>
  /** Where receipts are on: the public keys that check them. */
  keySet?: (() => KeySet) | undefined
  /** Where tracing is on. */
  beginServerSpan?: BeginServerSpan | undefined
}

/** Resolves when all is registered; it does not listen yet. */
export async function createServer(options: ServerOptions): Promise<App> {
  const app = createApp({
    ...options,
    receiveUnreadable: (line) => receiveUnreadable(options.verification, line),
  })
  readForwarded(app, options)
  registerRoutes(app, options)
  await app.ready()
  return app
}

/** The OpenAPI document of these routes, from a server that never listens: most instances are never asked for it. */
export async function describeServer(options: ServerOptions, publicUrl: string): Promise<object> {
  const app = createApp(options)
  await describeApi(app)
  registerRoutes(app, options)
  await app.ready()
  return apiDocument(app, publicUrl)
}

function registerRoutes(app: App, options: ServerOptions): void {
  // Public, and answered under any load.
  app.register(operationsRoutes(options.checkReady))

  app.register(async (shedding) => {
    if (options.beginServerSpan) traceRequests(shedding, options.beginServerSpan)
    shedLoad(shedding)
    const limits = await openRateLimits(shedding, options.rateLimits)
    limits.byAddress(shedding)

    // Public as well: the redirected device has no token of ours.
    await shedding.register(callbackRoutes(options.verification))
    if (options.keySet) await shedding.register(keySetRoutes(options.keySet))

    // Guarded: every route in this scope needs an access token.
    await shedding.register(async (guarded) => {
      guard(guarded, options.accessTokens)
      limits.byCaller(guarded)
      await guarded.register(async (starting) => {
        limits.byNumber(starting)
        await starting.register(networkEnablementRoutes(options.verification, limits.mayMessage))
        const { sendCode } = options.verification
        if (sendCode) await starting.register(smsVerificationRoutes(sendCode, limits.bySms))
      })
      await guarded.register(numberVerificationRoutes(options.verification))
    })
  })
}
