/** `POST /v1/number-verification`: the app that started brings the code back. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { Verification } from '../../core/verification.ts'
import { correlationOf } from '../correlation.ts'
import { bodyProblems, guardedProblems } from '../openapi.ts'

/** @see RFC 6749 appendix A.11 for the alphabet */
export const AuthorizationCode = Type.String({
  minLength: 1,
  maxLength: 2048,
  pattern: '^[ -~]+$',
  description: 'The authorization code that the device got.',
  examples: ['6c1f9a7e0d'],
})

const FinishBody = Type.Object(
  {
    code: AuthorizationCode,
    state: Type.String({
      description: 'The state that the device got.',
      examples: ['Zk1sT2pJcXh2b0RkYXZ0SmVwU3lMbkhwd0VtUWZ1Y1g'],
    }),
  },
  { additionalProperties: false, description: 'The object of the landing page, unchanged.' },
)

const FinishReply = Type.Object(
  {
    phone_number_verified: Type.Boolean({
      description:
        'Whether the device has the number that the verification was started for. `false` is a result.',
    }),
  },
  { additionalProperties: false, description: 'The verification has ended.' },
)

export function numberVerificationRoutes(verification: Verification): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/number-verification',
      {
        config: { step: 'finish' },
        schema: {
          operationId: 'finishVerification',
          summary: 'Finish a verification',
          description:
            'Uses the state up, whatever the answer. When the answer was lost, the same request gets the same result for 60 seconds.',
          tags: ['verification'],
          security: [{ accessToken: [] }],
          body: FinishBody,
          response: { 200: FinishReply },
          problems: [
            'invalid_state',
            'code_rejected',
            'not_on_carrier_network',
            'network_not_supported',
            'upstream_invalid',
            'upstream_refused',
            'upstream_unavailable',
            'upstream_busy',
            'store_unavailable',
            'outcome_unknown',
            ...guardedProblems,
            ...bodyProblems,
          ],
        },
      },
      async (request) => ({
        phone_number_verified: await verification.finish(
          request.caller,
          request.body,
          correlationOf(request),
        ),
      }),
    )
  }
}
