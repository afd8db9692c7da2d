/** `POST /v1/number-verification`: the app that started brings the code back. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { requestIdPattern, statePattern } from '../../core/state.ts'
import type { Verification } from '../../core/verification.ts'
import { correlationOf } from '../correlation.ts'
import { bodyProblems, documented, guardedProblems } from '../openapi.ts'
import { createValidator, type Validator } from '../validation.ts'

/** @see RFC 6749 appendix A.11 for the alphabet */
export const AuthorizationCode = Type.String({
  minLength: 1,
  maxLength: 2048,
  pattern: '^[ -~]+$',
  description: 'The authorization code that the device got.',
  examples: ['6c1f9a7e0d'],
})

const StateBody = Type.Object(
  {
    code: AuthorizationCode,
    state: Type.String({
      description: 'The state that the device got.',
      ...documented({ pattern: statePattern, maxLength: 43 }),
      examples: ['Zk1sT2pJcXh2b0RkYXZ0SmVwU3lMbkhwd0VtUWZ1Y1g'],
    }),
  },
  { additionalProperties: false, title: 'From our landing page' },
)

const RequestIdBody = Type.Object(
  {
    code: AuthorizationCode,
    request_id: Type.String({
      description: 'The request_id that the device got.',
      ...documented({ pattern: requestIdPattern, maxLength: 100 }),
      examples: ['c11236f4-00bf-4b89-84ba-88b25df97315'],
    }),
  },
  { additionalProperties: false, title: 'From Vonage' },
)

const FinishBody = Type.Union([StateBody, RequestIdBody], {
  description: 'The object that the device got at the end of `auth_url`, unchanged.',
})

const validateStateBody = createValidator(StateBody)
const validateRequestIdBody = createValidator(RequestIdBody)
/** Either, so that what is wrong is told of the one that is meant. */
const validateBody: Validator = (body) => {
  const meansRequestId =
    typeof body === 'object' && body !== null && 'request_id' in body && !('state' in body)
  return (meansRequestId ? validateRequestIdBody : validateStateBody)(body)
}

const FinishReply = Type.Object(
  {
    phone_number: Type.String({
      description:
        'The number that the verification was started for. Who grants something for it compares it with the one claimed.',
      ...documented({ pattern: '^\\+[1-9][0-9]{6,14}$', maxLength: 16 }),
      examples: ['+99012345678'],
    }),
    phone_number_verified: Type.Boolean({
      description: 'Whether the device has this number. `false` is a result.',
    }),
    receipt: Type.Optional(
      Type.String({
        maxLength: 8192,
        pattern: '^[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+\\.[A-Za-z0-9_-]+$',
        description:
          'Where receipts are on and the number is verified: a signed statement of that, for your backend alone. A JWT of the type `phone-number-receipt+jwt`; its keys are at `/.well-known/jwks.json`. As secret as an access token.',
      }),
    ),
  },
  { additionalProperties: false, description: 'The verification has ended.' },
)

export function numberVerificationRoutes(verification: Verification): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.post(
      '/v1/number-verification',
      {
        config: { step: 'finish' },
        validatorCompiler: () => validateBody,
        schema: {
          operationId: 'finishVerification',
          summary: 'Finish a verification',
          description:
            "Takes the state from its owner; another caller's try leaves it alone. After `retry` it is still good; after any other answer it is used up. When the answer was lost, the same request gets the same result for 60 seconds.",
          tags: ['verification'],
          security: [{ accessToken: [] }],
          body: FinishBody,
          response: { 200: FinishReply },
          problems: [
            'invalid_state',
            'code_rejected',
            'wrong_code',
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
      async (request) => {
        const { body } = request
        const finished = 'state' in body ? body : { code: body.code, requestId: body.request_id }
        const result = await verification.finish(request.caller, finished, correlationOf(request))
        return {
          // A former version answered without it, and so does the repeat of its answer.
          phone_number: result.phoneNumber?.reveal() as string,
          phone_number_verified: result.verified,
          ...(result.receipt !== undefined && { receipt: result.receipt }),
        }
      },
    )
  }
}
