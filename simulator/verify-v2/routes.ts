/**
 * Vonage Verify v2 as the service calls it: start, check, on to the next step, cancel.
 * Source: Vonage Verify v2 API reference, OpenAPI 1.0.1. The quota, which Vonage does not publish, counts starts.
 */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { OperatorContext } from '../context.ts'
import { answerWithFault, sendError } from '../faults.ts'
import { createGate } from '../gate.ts'
import { invalidParameters, vonageProblem } from '../replies.ts'
import { checkUrlOf } from './check-url.ts'
import { findVerifyNumberRow } from './numbers.ts'
import { parseStartRequest, type StartRequest } from './start-request.ts'
import type { Verification } from './verifications.ts'

const basePath = '/v2/verify'
const requestPath = `${basePath}/:requestId`

export function verifyV2Routes(app: FastifyInstance, context: OperatorContext): void {
  const { verifications } = context
  const { authenticate, countAgainstQuota, refuseUnreadable } = createGate(context)
  app.addHook('onRequest', authenticate)
  app.setErrorHandler(refuseUnreadable)
  /** Which verifications have met the replication delay. */
  const delayed = new WeakSet<Verification>()

  app.post(basePath, { onRequest: countAgainstQuota }, async (request, reply) => {
    const start = parseStartRequest(request.body)
    if (Array.isArray(start)) return sendError(reply, invalidParameters(start))
    const row = findVerifyNumberRow(`+${start.steps[0].to}`)
    const fault = { row, step: 'start' } as const
    const { outcome } = row
    const isFirstSilent = start.steps[0].channel === 'silent_auth'
    const isUnsupported = outcome.kind === 'not_supported' && isFirstSilent && start.coverageCheck
    if (isUnsupported && start.steps.length === 1) {
      const detail = 'The network does not support silent authentication'
      return sendError(reply, vonageProblem(412, 'precondition-failed', 'Precondition failed', detail))
    }
    // Only what is answered otherwise has begun nothing; the answer that is cut or late tells of a verification that runs.
    if (outcome.kind === 'reply' && (await answerWithFault(fault, request, reply, context))) return reply
    const verification = verifications.begin(start, row)
    if (!verification) return sendError(reply, concurrent())
    if (isUnsupported) verifications.moveOn(verification)
    if (outcome.kind !== 'reply' && (await answerWithFault(fault, request, reply, context))) return reply
    return reply.code(202).send(accepted(verification, start))
  })

  app.post(requestPath, async (request, reply) => {
    const verification = runningOne(request, reply)
    if (!verification) return reply
    const { code } = (request.body ?? {}) as Record<string, unknown>
    if (typeof code !== 'string' || !/^.{4,10}$/.test(code))
      return sendError(reply, invalidParameters([{ name: 'code', reason: 'must be 4 to 10 characters' }]))
    const fault = { row: verification.row, step: 'check' } as const
    const { kind } = verification.row.outcome
    if (kind === 'reply' && (await answerWithFault(fault, request, reply, context))) return reply
    const result = verifications.check(verification, code)
    if (kind !== 'reply' && (await answerWithFault(fault, request, reply, context))) return reply
    if (result === 'wrong')
      return sendError(reply, vonageProblem(400, 'invalid-code', 'Invalid code', 'The code does not match'))
    if (result === 'spent') return sendError(reply, spent())
    return { request_id: verification.requestId, status: 'completed' }
  })

  app.post(`${requestPath}/next_workflow`, async (request, reply) => {
    const verification = runningOne(request, reply)
    if (!verification) return reply
    const { row } = verification
    if (row.outcome.kind === 'conflict_once' && !delayed.has(verification)) {
      delayed.add(verification)
      const detail = 'Replication delay, try again later'
      return sendError(reply, vonageProblem(409, 'conflict', 'Conflict', detail))
    }
    const fault = { row, step: 'next' } as const
    if (row.outcome.kind === 'reply' && (await answerWithFault(fault, request, reply, context))) return reply
    if (!verifications.moveOn(verification)) {
      const detail = 'There is no further step to go on to'
      return sendError(reply, vonageProblem(409, 'no-next-step', 'Conflict', detail))
    }
    if (row.outcome.kind !== 'reply' && (await answerWithFault(fault, request, reply, context))) return reply
    return {}
  })

  app.delete(requestPath, async (request, reply) => {
    const verification = runningOne(request, reply)
    if (!verification) return reply
    if (!verifications.cancel(verification)) return sendError(reply, notFound())
    return reply.code(204).send()
  })

  /** The verification that the path names, or `undefined` after an answer that there is none. */
  function runningOne(request: FastifyRequest, reply: FastifyReply): Verification | undefined {
    const { requestId } = request.params as { requestId: string }
    const verification = verifications.find(requestId)
    if (verification?.phase === 'running') return verification
    sendError(reply, verification?.phase === 'spent' ? spent() : notFound())
    return undefined
  }

  /** JSON leaves out what is undefined. */
  function accepted({ requestId, step, row }: Verification, start: StartRequest): Record<string, unknown> {
    const isSilent = step === start.steps[0] && step.channel === 'silent_auth'
    const body = { request_id: requestId, check_url: isSilent ? checkUrlOf(requestId, context) : undefined }
    return row.outcome.kind === 'members' ? { ...body, ...row.outcome.members } : body
  }
}

function concurrent() {
  const detail = 'A verification for this number is already under way'
  return vonageProblem(409, 'concurrent', 'Conflict', detail)
}

function notFound() {
  return vonageProblem(404, 'request-not-found', 'Not found', 'The request is unknown or over')
}

function spent() {
  return vonageProblem(410, 'expired', 'Gone', 'The code was wrong too often')
}
