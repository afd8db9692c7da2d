/**
 * The inside listener, for operators and for the readers of the API: health, metrics, the OpenAPI document, and its rendering.
 */
import { type App, type AppOptions, createApp } from './app.ts'
import { serveDocs } from './docs.ts'
import { operationsRoutes } from './routes/operations.ts'

export interface ManagementServerOptions extends AppOptions {
  /** @throws shutting_down, store_unavailable */
  checkReady: () => Promise<void>
  /** Of the public listener. Called once, when somebody first asks for it. */
  openApiDocument: () => Promise<object>
  /** Prometheus text. */
  metricsText: () => Promise<string>
}

/** Resolves when all is registered; it does not listen yet. */
export async function createManagementServer(options: ManagementServerOptions): Promise<App> {
  const { checkReady, metricsText } = options
  let document: Promise<object> | undefined

  function openApiDocument(): Promise<object> {
    document ??= options.openApiDocument()
    return document
  }

  let scraping: Promise<string> | undefined
  /** Who asks at the same time gets the same: making it costs a millisecond and more. */
  function scrape(): Promise<string> {
    scraping ??= metricsText().finally(() => {
      scraping = undefined
    })
    return scraping
  }

  const app = createApp(options)
  await app.register(operationsRoutes(checkReady))
  app.get('/metrics', { config: { probe: true } }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await scrape()),
  )
  app.get('/openapi.json', openApiDocument)
  serveDocs(app, options, openApiDocument)
  await app.ready()
  return app
}
