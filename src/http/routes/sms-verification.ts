/** `POST /v1/sms-verification`: a code by text message, where the silent way fails. Only there when messages are on. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { statePattern } from '../../core/state.ts'
import type { Verification } from '../../core/verification.ts'
import { correlationOf } from '../correlation.ts'
import { bodyProblems, guardedProblems } from '../openapi.ts'
import type { RateLimits } from '../rate-limit.ts'
import { PhoneNumberText } from './network-enablement.ts'

const SmsBody = Type.Object({ phone_number: PhoneNumberText }, { additionalProperties: false })

const SmsReply = Type.Object(
  {
    state: Type.String({
      pattern: statePattern,
      maxLength: 43,
      description: 'Send it with the code that the user types to `POST /v1/number-verification`.',
      examples: ['Zk1sT2pJcXh2b0RkYXZ0SmVwU3lMbkhwd0VtUWZ1Y1g'],
    }),
    code_length: Type.Integer({
      format: 'int32',
      minimum: 4,
      maximum: 10,
      description: 'Digits of the code.',
      examples: [6],
    }),
    expires_in: Type.Integer({
      format: 'int32',
      minimum: 1,
      maximum: 300,
      description: 'Seconds in which the code can be typed.',
      examples: [300],
    }),
  },
  { additionalProperties: false, description: 'A message is on its way.' },
)

/** @param admit counts a message against the limit of its number, and throws rate_limited */
export function smsVerificationRoutes(
  sendCode: NonNullable<Verification['sendCode']>,
  admit: RateLimits['bySms'],
): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/sms-verification',
      {
        config: { step: 'sms' },
        schema: {
          operationId: 'sendCode',
          summary: 'Send a code by text message',
          description:
            'What `use_fallback` leads to. The same request within 30 seconds sends nothing and gets the same state. The user has three guesses.',
          tags: ['verification'],
          security: [{ accessToken: [] }],
          body: SmsBody,
          response: { 200: SmsReply },
          problems: [
            'invalid_phone_number',
            'country_not_supported',
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
        const { state, codeLength, expiresIn } = await sendCode(
          request.caller,
          { phoneNumber: request.body.phone_number },
          () => admit(request, reply),
          correlationOf(request),
        )
        return { state, code_length: codeLength, expires_in: expiresIn }
      },
    )
  }
}
