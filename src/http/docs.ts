/**
 * The OpenAPI document, rendered: a page that loads nothing from elsewhere. Made when it is first asked for, since it is a fifth of
 * the work of starting and most instances are never asked.
 */
import type { StaticDocumentSpec } from '@fastify/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { type App, type AppOptions, createApp } from './app.ts'

/** The plugin's own policy names foreign hosts and forces https, which an inside listener does not speak. */
const contentSecurityPolicy = "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'"

/** The page shows nobody's logo: the bar that has it is of no use here, and the icon is a plain one. */
const theme = {
  title: 'Network Enablement BFF',
  css: [{ filename: 'page.css', content: '.swagger-ui .topbar { display: none }' }],
  favicon: [
    {
      filename: 'icon.svg',
      rel: 'icon',
      sizes: 'any',
      type: 'image/svg+xml',
      content:
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect x="8" y="2" width="16" height="28" rx="4" fill="#0b6b5f"/></svg>',
    },
  ],
}

/** Below `/docs` of the listener, whose options it takes. The listener reports the requests. */
export function serveDocs(listener: App, options: AppOptions, openApiDocument: () => Promise<object>): void {
  const silence = () => undefined
  const unreported = {
    ...options,
    log: { debug: silence, info: silence, warn: silence, error: silence },
    events: silence,
  }
  let making: Promise<App> | undefined

  async function make(): Promise<App> {
    const { default: fastifySwagger } = await import('@fastify/swagger')
    const { default: fastifySwaggerUi } = await import('@fastify/swagger-ui')
    const docs = createApp(unreported)
    const specification = { document: await openApiDocument() } as StaticDocumentSpec
    await docs.register(fastifySwagger, { mode: 'static', specification })
    // The API is on the other listener, which lets no page of another origin call it: there is nothing to try here.
    const uiConfig = { supportedSubmitMethods: [] }
    await docs.register(fastifySwaggerUi, {
      routePrefix: '/docs',
      staticCSP: contentSecurityPolicy,
      uiConfig,
      theme,
    })
    await docs.ready()
    return docs
  }

  async function handOver(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    making ??= make()
    const docs = await making
    reply.hijack()
    request.raw.headers['x-request-id'] = request.id
    docs.routing(request.raw, reply.raw)
  }

  listener.get('/docs', handOver)
  listener.get('/docs/*', handOver)
  listener.addHook('onClose', async () => (await making)?.close())
}
