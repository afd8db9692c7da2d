/**
 * `POST /oauth2/token`: the service exchanges the code of the redirect for a short-lived access token.
 * Sources: Vonage Number Verification guide (application JWT in place of a client secret); RFC 6749 sections 4.1.3 and 5.
 */

import type { FastifyInstance } from 'fastify'
import { accessTokenLifetimeSeconds, type OperatorContext } from './context.ts'
import { answerWithFault, sendError } from './faults.ts'
import { oauthError } from './replies.ts'

export function tokenRoutes(app: FastifyInstance, context: OperatorContext): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, body, done) => {
      const form = parseForm(String(body))
      if (form) done(null, form)
      else done(Object.assign(new Error('a repeated parameter'), { statusCode: 400 }))
    },
  )

  // A repeated parameter, a body too large, or another media type.
  app.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) => {
    const status = error.statusCode ?? 500
    const name = status < 500 ? 'invalid_request' : 'server_error'
    return sendError(reply, oauthError(status, name, 'The request could not be handled'))
  })

  app.post('/oauth2/token', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    if ((await context.checkApplicationJwt(request.headers.authorization)) !== undefined) {
      reply.header('www-authenticate', 'Bearer')
      return sendError(reply, oauthError(401, 'invalid_client', 'The application JWT is not valid'))
    }
    const { grant_type, code, redirect_uri } = (request.body ?? {}) as Partial<Record<string, string>>
    if (!grant_type || !code || !redirect_uri) {
      return sendError(
        reply,
        oauthError(400, 'invalid_request', 'grant_type, code and redirect_uri are required'),
      )
    }
    if (grant_type !== 'authorization_code') {
      return sendError(
        reply,
        oauthError(400, 'unsupported_grant_type', 'Only authorization_code is supported'),
      )
    }
    // Presenting a code spends it, whatever follows.
    const device = context.codes.take(code)
    if (!device) return sendError(reply, oauthError(400, 'invalid_grant', 'The code is not valid'))
    if (redirect_uri !== context.options.redirectUri) {
      return sendError(reply, oauthError(400, 'invalid_grant', 'The redirect_uri is not the registered one'))
    }
    if (await answerWithFault({ row: device.flow.row, step: 'token' }, request, reply, context)) return reply
    return {
      access_token: context.accessTokens.issue(device),
      token_type: 'bearer',
      expires_in: accessTokenLifetimeSeconds,
    }
  })
}

/** The parameters by name; `undefined` when one is repeated, which RFC 6749 section 3.2 forbids. */
function parseForm(body: string): Record<string, string> | undefined {
  const parameters = [...new URLSearchParams(body)]
  const form = Object.fromEntries(parameters)
  return Object.keys(form).length === parameters.length ? form : undefined
}
