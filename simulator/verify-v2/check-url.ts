/**
 * What a device gets at `check_url`: Vonage, the carrier, and Vonage again, which answers the device itself.
 * Sources: Vonage Verify v2 guides for the answers; the paths between are made up.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { networkOf } from '../carrier.ts'
import type { DeviceSession, OperatorContext } from '../context.ts'
import { answerWithFault, recordRaw } from '../faults.ts'
import { type ErrorReply, vonageProblem } from '../replies.ts'
import { createTickets } from '../tickets.ts'
import type { Verification } from './verifications.ts'

/** A device that opened a `check_url`. */
interface Session {
  requestId: string
  network: DeviceSession['network']
}

/** Longer than a silent step lives. Vonage publishes no figure. */
const sessionLifetimeMs = 300_000

const path = '/v2/verify/:requestId/silent-auth'

/** The URL that a device opens for this verification. */
export function checkUrlOf(requestId: string, { deviceUrl }: OperatorContext): string {
  return `${deviceUrl()}${path.replace(':requestId', requestId)}/redirect`
}

export function checkUrlRoutes(app: FastifyInstance, context: OperatorContext): void {
  const { options, verifications, deviceUrl } = context
  const sessions = createTickets<Session>({ lifetimeMs: sessionLifetimeMs, now: options.now })

  app.get(`${path}/redirect`, (request, reply) => {
    const { requestId } = request.params as { requestId: string }
    const network = networkOf(request)
    if (!network || !silentStepOf(requestId))
      return answerDevice(notFound('Nothing to authenticate'), request, reply)
    return redirectToHop('/carrier/line', sessions.issue({ requestId, network }), reply)
  })

  app.get('/carrier/line', (request, reply) => {
    const id = sessionIdOf(request)
    const session = sessions.read(id)
    if (!session) return answerDevice(notFound('The session is unknown or over'), request, reply)
    return redirectToHop(`${path.replace(':requestId', session.requestId)}/result`, id, reply)
  })

  app.get(`${path}/result`, async (request, reply) => {
    const session = sessions.take(sessionIdOf(request))
    const verification = session && silentStepOf(session.requestId)
    if (!verification) return answerDevice(notFound('The session is unknown or over'), request, reply)
    if (session.network === 'wifi')
      return answerDevice(failed('The address is not one of a cellular network'), request, reply)
    const { row, requestId, code } = verification
    const { outcome } = row
    if (outcome.kind === 'not_supported')
      return answerDevice(failed('The operator is not supported'), request, reply)
    if (outcome.kind === 'match' && !outcome.verified)
      return answerDevice(failed('The MSISDN does not match'), request, reply)
    // A problem passes the library's parser like a result, so it needs the same bytes.
    if (row.step === 'device' && outcome.kind === 'reply' && typeof outcome.body === 'object')
      return answerDevice(outcome as ErrorReply, request, reply)
    if (await answerWithFault({ row, step: 'device' }, request, reply, context)) return reply
    const body = { request_id: requestId, code }
    return answerDevice({ status: 200, contentType: 'application/json', body }, request, reply)
  })

  function redirectToHop(to: string, session: string, reply: FastifyReply): FastifyReply {
    return reply.redirect(`${deviceUrl()}${to}?session=${session}`, 302)
  }

  function silentStepOf(requestId: string): Verification | undefined {
    const verification = verifications.find(requestId)
    const isWaiting = verification?.phase === 'running' && verification.step.channel === 'silent_auth'
    return isWaiting ? verification : undefined
  }

  /**
   * Header names in capitals, the length known, header and body in one write: what Vonage's iOS library can read.
   * Fastify would write the names in small letters.
   */
  function answerDevice(
    { status, contentType, body }: ErrorReply,
    request: FastifyRequest,
    reply: FastifyReply,
  ): FastifyReply {
    const bytes = Buffer.from(JSON.stringify(body))
    reply.hijack()
    reply.raw
      .writeHead(status, {
        'Content-Type': contentType,
        'Content-Length': bytes.length,
        'Cache-Control': 'no-store',
        Connection: 'close',
      })
      .end(bytes)
    recordRaw({ status, response: body }, request, reply, context)
    return reply
  }
}

function sessionIdOf(request: FastifyRequest): string {
  return String((request.query as { session?: unknown }).session)
}

function failed(detail: string): ErrorReply {
  return vonageProblem(412, 'precondition-failed', 'Precondition failed', detail)
}

function notFound(detail: string): ErrorReply {
  return vonageProblem(404, 'request-not-found', 'Not found', detail)
}
