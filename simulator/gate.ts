/**
 * What every call of the service to Vonage's APIs passes first: the application JWT, the account's quota, a readable body.
 * Called by the route groups that take an application JWT and answer with problems.
 */

import type { FastifyReply, FastifyRequest } from 'fastify'
import type { OperatorContext } from './context.ts'
import { sendError } from './faults.ts'
import { vonageProblem } from './replies.ts'

export function createGate({ checkApplicationJwt, admit, options: { requestsPerSecond } }: OperatorContext) {
  return {
    async authenticate(request: FastifyRequest, reply: FastifyReply) {
      const refusal = await checkApplicationJwt(request.headers.authorization)
      if (refusal === undefined) return
      const detail = 'The application JWT is missing, not valid, or expired'
      return sendError(reply, vonageProblem(401, refusal, 'Unauthorized', detail))
    },

    async countAgainstQuota(_request: FastifyRequest, reply: FastifyReply) {
      if (requestsPerSecond > 0)
        reply.header('x-ratelimit-limit', `${requestsPerSecond}, ${requestsPerSecond};w=1`)
      if (admit()) return
      reply.header('retry-after', '1')
      return sendError(
        reply,
        vonageProblem(429, 'throttled', 'Throttled', 'Too many requests for this account'),
      )
    },

    /** For bad JSON, a body too large, or another media type. */
    refuseUnreadable(error: unknown, _request: FastifyRequest, reply: FastifyReply) {
      const status = (error as { statusCode?: number }).statusCode ?? 500
      const name = status < 500 ? 'invalid-params' : 'internal-error'
      return sendError(reply, vonageProblem(status, name, 'Error', 'The request could not be handled'))
    },
  }
}
