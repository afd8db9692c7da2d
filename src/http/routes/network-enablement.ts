/** `POST /v1/network-enablement`: an app starts a verification. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import type { Verification } from '../../core/verification.ts'
import { correlationOf } from '../correlation.ts'
import { bodyProblems, documented, guardedProblems } from '../openapi.ts'
import type { RateLimits } from '../rate-limit.ts'
import { workFor } from '../work.ts'

export const PhoneNumberText = Type.String({
  description: 'The number to verify, in E.164 form: `+`, then 7 to 15 digits.',
  ...documented({ pattern: '^\\+[1-9][0-9]{6,14}$', maxLength: 16 }),
  examples: ['+99012345678'],
})

const StartBody = Type.Object(
  {
    phone_number: PhoneNumberText,
    scope: Type.Optional(
      Type.String({
        description: 'What to ask the network for. One of the configured scopes; the first when absent.',
        ...documented({ pattern: '^[!-~]+$', maxLength: 256 }),
        examples: ['dpv:FraudPreventionAndDetection#number-verification-verify-read'],
      }),
    ),
  },
  { additionalProperties: false },
)

const StartReply = Type.Object(
  {
    auth_url: Type.String({
      format: 'uri',
      maxLength: 2048,
      description:
        'Open this on the device. Opaque: do not parse or change it, and send no headers of yours along.',
      examples: [
        'https://api-eu.vonage.com/oauth2/auth?client_id=sandbox&response_type=code&state=v2_840e17a8',
      ],
    }),
    requires_carrier_network: Type.Boolean({
      description: 'When true the URL must be opened over the cellular network, with Wi-Fi bypassed.',
    }),
  },
  { additionalProperties: false, description: 'The verification has started.' },
)

/** @param mayMessage counts a message that may follow a start */
export function networkEnablementRoutes(
  verification: Verification,
  mayMessage: RateLimits['mayMessage'],
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/network-enablement',
      {
        config: { step: 'start' },
        schema: {
          operationId: 'startVerification',
          summary: 'Start a verification',
          description:
            'Returns the URL that the device has to open next. The `state` in it is used once and expires.',
          tags: ['verification'],
          security: [{ accessToken: [] }],
          body: StartBody,
          response: { 200: StartReply },
          problems: [
            'invalid_phone_number',
            'country_not_supported',
            'scope_not_allowed',
            'phone_number_not_allowed',
            'network_not_supported',
            'verification_in_progress',
            'upstream_invalid',
            'upstream_refused',
            'upstream_unavailable',
            'upstream_busy',
            'upstream_timeout',
            'store_unavailable',
            ...guardedProblems,
            ...bodyProblems,
          ],
        },
      },
      async (request, reply) => {
        const { phone_number: phoneNumber, scope } = request.body
        const { authUrl, requiresCarrierNetwork } = await verification.start(
          request.caller,
          scope === undefined ? { phoneNumber } : { phoneNumber, scope },
          correlationOf(request),
          workFor(reply),
          () => mayMessage(request),
        )
        return { auth_url: authUrl, requires_carrier_network: requiresCarrierNetwork }
      },
    )
  }
}
