/**
 * The inside listener, for operators and for the readers of the API: health, metrics, the OpenAPI document, and its rendering,
 * which loads nothing from elsewhere.
 */
import fastifySwagger, { type StaticDocumentSpec } from '@fastify/swagger'
import fastifySwaggerUi from '@fastify/swagger-ui'
import { type App, type AppOptions, createApp } from './app.ts'
import { operationsRoutes } from './routes/operations.ts'

/** The plugin's own policy names foreign hosts and forces https, which an inside listener does not speak. */
const contentSecurityPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"

export interface ManagementServerOptions extends AppOptions {
  /** @throws shutting_down, store_unavailable */
  checkReady: () => Promise<void>
  /** Of the public listener. */
  openApiDocument: object
  /** Prometheus text. */
  metricsText: () => Promise<string>
}

/** Resolves when all is registered; it does not listen yet. */
export async function createManagementServer(options: ManagementServerOptions): Promise<App> {
  const { checkReady, openApiDocument, metricsText } = options
  const app = createApp(options)
  const specification = { document: openApiDocument } as StaticDocumentSpec
  await app.register(fastifySwagger, { mode: 'static', specification })
  await app.register(operationsRoutes(checkReady))
  app.get('/metrics', { config: { probe: true } }, async (_request, reply) =>
    reply.type('text/plain; version=0.0.4; charset=utf-8').send(await metricsText()),
  )
  app.get('/openapi.json', async () => openApiDocument)
  await app.register(fastifySwaggerUi, { routePrefix: '/docs', staticCSP: contentSecurityPolicy })
  await app.ready()
  return app
}
