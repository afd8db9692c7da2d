/**
 * `POST /v0.1/network-enablement`: the start of a verification, called by the service.
 * Source: Vonage Network Enablement API reference; quota and order of checks as seen in public tests of its gateway.
 */

import type { FastifyInstance } from 'fastify'
import type { OperatorContext } from './context.ts'
import { answerWithFault, sendError } from './faults.ts'
import { createGate } from './gate.ts'
import { findNumberRow, type NumberRow } from './numbers.ts'
import { scopeError, vonageProblem } from './replies.ts'

/** The one scope that Vonage documents as leading to an `auth_url`. */
const numberVerificationScope = 'dpv:FraudPreventionAndDetection#number-verification-verify-read'

const startPath = '/v0.1/network-enablement'
/** E.164 with the plus sign, 7 to 15 digits. */
const phoneNumberPattern = /^\+[1-9]\d{6,14}$/

interface StartRequest {
  phone_number: string
  scopes: string[]
  state: string
}

export function networkEnablementRoutes(app: FastifyInstance, context: OperatorContext): void {
  const { authenticate, countAgainstQuota, refuseUnreadable } = createGate(context)
  app.setErrorHandler(refuseUnreadable)

  app.route({
    method: ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
    url: startPath,
    handler: (_request, reply) =>
      reply
        .code(405)
        .header('allow', 'POST')
        .send({ message: 'Method Not Allowed', _links: {}, _embedded: {} }),
  })

  app.post(startPath, { onRequest: [authenticate, countAgainstQuota] }, async (request, reply) => {
    const start = parseStart(request.body)
    if (!start) {
      const detail = 'phone_number (E.164 with +), scopes and state are required'
      return sendError(reply, vonageProblem(422, 'invalid-params', 'Invalid parameters', detail))
    }
    const row = findNumberRow(start.phone_number)
    if (await answerWithFault({ row, step: 'start' }, request, reply, context)) return reply
    return { scopes: Object.fromEntries(start.scopes.map((scope) => [scope, entryOf(scope, start, row)])) }
  })

  function entryOf(scope: string, start: StartRequest, row: NumberRow): unknown {
    if (scope !== numberVerificationScope) return scopeError('The scope is not available')
    const { outcome } = row
    // JSON leaves out what is undefined, a whole entry as well as a member.
    if (outcome.kind === 'entry') return outcome.entry
    const entry = { auth_url: authUrl(scope, start, row), requires_carrier_network: true, app_url: null }
    return outcome.kind === 'members' ? { ...entry, ...outcome.members } : entry
  }

  function authUrl(scope: string, start: StartRequest, row: NumberRow): string {
    const flow = { phoneNumber: start.phone_number, state: start.state, scope, row }
    const query = new URLSearchParams({
      client_id: context.options.applicationId,
      redirect_uri: context.options.redirectUri,
      response_type: 'code',
      scope,
      state: context.flows.issue(flow),
    })
    return `${context.deviceUrl()}/oauth2/auth?${query}`
  }
}

function parseStart(body: unknown): StartRequest | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { phone_number, scopes, state } = body as Record<string, unknown>
  if (typeof phone_number !== 'string' || !phoneNumberPattern.test(phone_number)) return undefined
  if (!Array.isArray(scopes) || scopes.length === 0 || !scopes.every(isText)) return undefined
  if (!isText(state)) return undefined
  return { phone_number, scopes, state }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
