/**
 * The redirects that a device follows from `auth_url` to the redirect URI: Vonage, the carrier twice, Vonage again.
 * The carrier tells the device by its network, which `x-simulated-network` or `network=` plays on the first hop.
 * Sources: Vonage Number Verification guide; RFC 6749 sections 4.1.1, 4.1.2 and 4.1.2.1. The paths between are made up.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { DeviceSession, OperatorContext } from './context.ts'
import { sendError } from './faults.ts'
import { oauthError } from './replies.ts'

/** What a hop reads of its query; a repeated parameter comes as an array, and so fits nothing. */
interface Query {
  client_id?: unknown
  redirect_uri?: unknown
  response_type?: unknown
  state?: unknown
  network?: unknown
  session?: unknown
}

export function carrierRoutes(app: FastifyInstance, context: OperatorContext): void {
  app.get('/oauth2/auth', (request, reply) => {
    const query = request.query as Query
    const flow = context.flows.read(String(query.state))
    if (!flow) return refuse(reply, 'The state is unknown or expired')
    if (query.client_id !== context.options.applicationId) return refuse(reply, 'The client_id is unknown')
    if (query.redirect_uri !== context.options.redirectUri) {
      return refuse(reply, 'The redirect_uri is not registered')
    }
    if (query.response_type !== 'code') return refuse(reply, 'The response_type is not code')
    const network = networkOf(request)
    if (!network) return refuse(reply, 'The network is neither cellular nor wifi')
    return redirectToHop(reply, '/carrier/identify', context.sessions.issue({ flow, network }))
  })

  app.get('/carrier/identify', (request, reply) => {
    const session = sessionOf(request)
    return session ? redirectToHop(reply, '/carrier/consent', session.id) : refuseSession(reply)
  })

  app.get('/carrier/consent', (request, reply) => {
    const session = sessionOf(request)
    return session ? redirectToHop(reply, '/oauth2/callback', session.id) : refuseSession(reply)
  })

  app.get('/oauth2/callback', (request, reply) => {
    const session = sessionOf(request)
    if (!session) return refuseSession(reply)
    context.sessions.take(session.id)
    return reply.redirect(withQuery(context.options.redirectUri, answerOf(session.device)), 302)
  })

  function redirectToHop(reply: FastifyReply, path: string, session: string): FastifyReply {
    return reply.redirect(`${context.deviceUrl()}${path}?session=${session}`, 302)
  }

  function sessionOf(request: FastifyRequest): { id: string; device: DeviceSession } | undefined {
    const id = String((request.query as Query).session)
    const device = context.sessions.read(id)
    return device && { id, device }
  }

  /** The query of the redirect: the caller's own state with a code or an error. */
  function answerOf(device: DeviceSession): Record<string, string> {
    const { row, state } = device.flow
    if (row.outcome.kind === 'redirect_error') {
      return { error: row.outcome.error, error_description: 'The authorization did not succeed', state }
    }
    const code = context.codes.issue(device)
    return {
      code,
      state: row.outcome.kind === 'redirect_wrong_state' ? 'not-the-state-of-the-caller' : state,
    }
  }
}

/** The network that the first hop plays; `undefined` when it names none. */
export function networkOf(request: FastifyRequest): DeviceSession['network'] | undefined {
  const network = request.headers['x-simulated-network'] ?? (request.query as Query).network ?? 'cellular'
  return network === 'cellular' || network === 'wifi' ? network : undefined
}

/** Keeps a query that the registered URI already has (RFC 6749 section 3.1.2). */
function withQuery(uri: string, members: Record<string, string>): string {
  return `${uri}${uri.includes('?') ? '&' : '?'}${new URLSearchParams(members)}`
}

/** Nothing in the request can be trusted, so the device is not sent on (RFC 6749 section 4.1.2.1). */
function refuse(reply: FastifyReply, description: string): FastifyReply {
  return sendError(reply, oauthError(400, 'invalid_request', description))
}

function refuseSession(reply: FastifyReply): FastifyReply {
  return refuse(reply, 'The session is unknown or over')
}
