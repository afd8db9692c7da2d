/**
 * `GET /v1/network-enablement/callback`: the landing page of the redirect, where the device gets what only the redirected
 * device should have. It finishes nothing and stores nothing, for whoever lures a phone here must gain nothing; it is only counted.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from '@sinclair/typebox'
import { oauthErrors } from '../../core/events.ts'
import { ServiceFailure } from '../../core/failures.ts'
import { statePattern } from '../../core/state.ts'
import type { Verification } from '../../core/verification.ts'
import { documented } from '../openapi.ts'
import { errorHandler, sendRawProblem } from '../problem.ts'
import { sendRaw } from '../raw-reply.ts'
import { createValidator, type Validator } from '../validation.ts'
import { AuthorizationCode } from './number-verification.ts'

/** A repeated parameter is a list, and so refused; unknown ones are ignored (RFC 6749 section 4.1.2). */
const Redirect = Type.Object({
  code: Type.Optional(
    Type.String({
      description: 'Authorization code.',
      ...documented({ pattern: '^[ -~]+$', maxLength: 2048 }),
    }),
  ),
  state: Type.Optional(
    Type.String({
      description: 'The state of the start.',
      ...documented({ pattern: statePattern, maxLength: 43 }),
    }),
  ),
  error: Type.Optional(
    Type.String({
      description: 'OAuth error code, instead of `code`.',
      ...documented({ pattern: '^[ -~]+$', maxLength: 64 }),
    }),
  ),
  error_description: Type.Optional(
    Type.String({ description: 'Never passed on.', ...documented({ pattern: '^[ -~]+$', maxLength: 1024 }) }),
  ),
})

const landingMembers = {
  code: AuthorizationCode,
  state: Type.String({ pattern: statePattern, maxLength: 43 }),
}
const Landing = Type.Object(landingMembers, {
  additionalProperties: false,
  description: 'Send this object, unchanged, to `POST /v1/number-verification`.',
})

const validateRedirect = createValidator(Redirect)
const validateGoodRedirect = createValidator(Type.Object(landingMembers))
/** Without an error, code and state must be there and well-formed. */
const validateQuery: Validator = (query) => {
  const valid = validateRedirect(query)
  return valid === true && (query as Static<typeof Redirect>).error === undefined
    ? validateGoodRedirect(query)
    : valid
}

const mintedState = new RegExp(statePattern)

export function callbackRoutes(verification: Pick<Verification, 'land'>): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.setErrorHandler(errorHandler(sendRawProblem))
    app.get(
      '/v1/network-enablement/callback',
      {
        config: { step: 'landing' },
        validatorCompiler: () => validateQuery,
        schema: {
          operationId: 'landRedirect',
          summary: 'Landing page of the redirect',
          description: 'The device gets here by itself, after it opened `auth_url`. Finishes nothing.',
          tags: ['verification'],
          security: [],
          querystring: Redirect,
          response: { 200: Landing },
          problems: ['authorization_failed', 'rate_limited'],
        },
      },
      async ({ query: { code, state, error } }, reply) => {
        if (error !== undefined) {
          const outcome = oauthErrors.find((known) => known === error) ?? 'server_error'
          verification.land(outcome, state !== undefined && mintedState.test(state) ? state : undefined)
          throw new ServiceFailure('authorization_failed', { note: outcome })
        }
        verification.land('code', state)
        // A colon of the code is escaped: Vonage's Android library looks for `location: ` in every line that it reads.
        const json = `{"code":${JSON.stringify(code).replaceAll(':', '\\u003a')},"state":"${state}"}`
        return sendRaw(reply, 200, { 'content-type': 'application/json' }, json)
      },
    )
  }
}
