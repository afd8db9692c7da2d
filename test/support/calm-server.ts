/**
 * The routes of the public listener without its load shedding, which a machine that is busy with other tests would set off.
 * What the whole listener adds is for the test of `server.ts`.
 */
import { createApp } from '../../src/http/app.ts'
import { guard } from '../../src/http/authenticate.ts'
import { callbackRoutes } from '../../src/http/routes/callback.ts'
import { networkEnablementRoutes } from '../../src/http/routes/network-enablement.ts'
import { numberVerificationRoutes } from '../../src/http/routes/number-verification.ts'
import { operationsRoutes } from '../../src/http/routes/operations.ts'
import type { ServerOptions } from '../../src/http/server.ts'
import { type Owner, openPublicServer, type PublicServer } from './public-server.ts'

/** Over the same fake ports as `openPublicServer`. */
export function openCalmServer(t: Owner, overrides: Partial<ServerOptions> = {}): Promise<PublicServer> {
  return openPublicServer(t, overrides, async (options) => {
    const app = createApp(options)
    await app.register(operationsRoutes(options.checkReady))
    await app.register(callbackRoutes(options.verification))
    await app.register(async (guarded) => {
      guard(guarded, options.accessTokens)
      await guarded.register(networkEnablementRoutes(options.verification, () => true))
      await guarded.register(numberVerificationRoutes(options.verification))
    })
    return app
  })
}
