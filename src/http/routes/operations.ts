/** `GET /livez` and `GET /readyz`, on both listeners. Neither asks Vonage or the identity provider. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'

const Health = Type.Object(
  { status: Type.Literal('ok') },
  { additionalProperties: false, description: 'Yes.' },
)

/** @param checkReady throws shutting_down or store_unavailable */
export function operationsRoutes(checkReady: () => Promise<void>): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/livez',
      {
        config: { probe: true },
        schema: {
          operationId: 'isLive',
          summary: 'Does the process answer?',
          description: 'Also while it stops. Asks nobody else.',
          tags: ['operations'],
          security: [],
          response: { 200: Health },
          problems: [],
        },
      },
      async () => ({ status: 'ok' as const }),
    )

    app.get(
      '/readyz',
      {
        config: { probe: true },
        schema: {
          operationId: 'isReady',
          summary: 'Should this instance get requests?',
          description: 'Not while it stops, nor while its state store cannot be reached.',
          tags: ['operations'],
          security: [],
          response: { 200: Health },
          problems: ['shutting_down', 'store_unavailable'],
        },
      },
      async () => {
        await checkReady()
        return { status: 'ok' as const }
      },
    )
  }
}
