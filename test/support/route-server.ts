/**
 * A listener as the service makes it, with only the routes that a test registers. Without load shedding, which a machine busy
 * with other tests would set off.
 */
import type { Test } from 'tap'
import { type App, type AppOptions, createApp } from '../../src/http/app.ts'
import { listenOnLoopback, type RecordedLog, recordLog } from './public-server.ts'
import { listenerLimits, unobserved } from './unobserved.ts'

export interface RouteServer {
  url: string
  log: RecordedLog
}

/** Closed, with its connections, when the test ends. */
export async function openRoutes(
  t: Test,
  register: (app: App) => unknown,
  options: Partial<AppOptions> = {},
): Promise<RouteServer> {
  const { log, logger } = recordLog(t)
  const app = createApp({
    ...listenerLimits,
    isDraining: () => false,
    log: logger,
    ...unobserved,
    ...options,
  })
  await register(app)
  return { url: await listenOnLoopback(t, app), log }
}
