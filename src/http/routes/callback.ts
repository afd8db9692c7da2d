/**
 * `GET /v1/network-enablement/callback`: the landing page of the redirect, where the device gets what only the redirected
 * device should have. It finishes nothing and stores nothing, for whoever lures a phone here must gain nothing; it is only counted.
 */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { Type } from '@sinclair/typebox'
import { oauthErrors } from '../../core/events.ts'
import { ServiceFailure } from '../../core/failures.ts'
import { statePattern } from '../../core/state.ts'
import type { Verification } from '../../core/verification.ts'
import { errorHandler, sendRawProblem } from '../problem.ts'
import { sendRaw } from '../raw-reply.ts'
import { parseRedirect } from '../redirect.ts'
import { createValidator } from '../validation.ts'
import { AuthorizationCode } from './number-verification.ts'

const path = '/v1/network-enablement/callback'

/** For the document alone: `parseRedirect` reads it. */
const Redirect = Type.Object({
  code: Type.Optional(
    Type.String({ description: 'Authorization code.', pattern: '^[ -~]+$', maxLength: 2048 }),
  ),
  state: Type.Optional(
    Type.String({ description: 'The state of the start.', pattern: statePattern, maxLength: 43 }),
  ),
  error: Type.Optional(
    Type.String({
      description: 'OAuth error code, instead of `code`.',
      pattern: '^[ -~]+$',
      maxLength: 64,
    }),
  ),
  error_description: Type.Optional(
    Type.String({ description: 'Never passed on, nor read.', pattern: '^[ -~]+$', maxLength: 1024 }),
  ),
})

const Landing = Type.Object(
  { code: AuthorizationCode, state: Type.String({ pattern: statePattern, maxLength: 43 }) },
  {
    additionalProperties: false,
    description: 'Send this object, unchanged, to `POST /v1/number-verification`.',
  },
)
const validateLanding = createValidator(Landing)

const mintedState = new RegExp(statePattern)
/** Without one of these it was another part of the packet that Node could not read. */
const unreadableCharacter = /[^!-~]/

type Landings = Pick<Verification, 'land'>

/**
 * Counts a redirect that came back.
 * @param target of the request, with its query
 * @returns the JSON for the device; authorization_failed when the redirect carries an error, whatever else it carries; or
 * invalid_state when it is malformed otherwise
 */
function receive({ land }: Landings, target: string): string | ServiceFailure {
  const { error, code, state } = parseRedirect(target)
  if (error !== undefined) {
    const outcome = oauthErrors.find((known) => known === error) ?? 'server_error'
    land(outcome, state !== undefined && mintedState.test(state) ? state : undefined)
    return new ServiceFailure('authorization_failed', { note: outcome })
  }
  if (validateLanding({ code, state }) !== true)
    return new ServiceFailure('invalid_state', { note: 'a malformed redirect' })
  land('code', state)
  // A colon of the code is escaped: Vonage's Android library looks for `location: ` in every line that it reads.
  return `{"code":${JSON.stringify(code).replaceAll(':', '\\u003a')},"state":"${state}"}`
}

/**
 * The same for a request whose target Node refuses to read, such as one with bytes that should have been escaped. No limit has been
 * asked there, so it is only counted as landed: no store is asked about its state.
 * @param line the first one of the request
 * @returns undefined when it is no redirect
 */
export function receiveUnreadable({ land }: Landings, line: string): string | ServiceFailure | undefined {
  const target = line.replace(/ HTTP\/1\.[01]$/, '')
  return target.startsWith(`GET ${path}?`) && unreadableCharacter.test(target.slice(4))
    ? receive({ land: (outcome) => land(outcome, undefined) }, target)
    : undefined
}

export function callbackRoutes(verification: Landings): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.setErrorHandler(errorHandler(sendRawProblem))
    app.get(
      path,
      {
        config: { step: 'landing' },
        validatorCompiler: () => () => true,
        schema: {
          operationId: 'landRedirect',
          summary: 'Landing page of the redirect',
          description: 'The device gets here by itself, after it opened `auth_url`. Finishes nothing.',
          tags: ['verification'],
          security: [],
          querystring: Redirect,
          response: { 200: Landing },
          problems: ['authorization_failed', 'invalid_state', 'rate_limited'],
        },
      },
      async (request, reply) => {
        const received = receive(verification, request.url)
        if (received instanceof ServiceFailure) throw received
        return sendRaw(reply, 200, { 'content-type': 'application/json' }, received)
      },
    )
  }
}
