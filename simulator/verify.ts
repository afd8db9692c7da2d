/**
 * `POST /camara/number-verification/v031/verify`: the service asks whether the device has this number.
 * Sources: Vonage Number Verification API reference; CAMARA Number Verification 2.1.0, operation phoneNumberVerify.
 */

import { createHash } from 'node:crypto'
import type { FastifyInstance } from 'fastify'
import { bearerToken } from './application-jwt.ts'
import type { DeviceSession, OperatorContext } from './context.ts'
import { answerWithFault, sendError } from './faults.ts'
import { camaraError, notOnCarrierNetwork } from './replies.ts'

/** CAMARA Number Verification 2.1.0, schema NumberVerificationRequestBody. */
const phoneNumberPattern = /^\+[1-9]\d{4,14}$/
const hashedPhoneNumberPattern = /^[a-fA-F0-9]{64}$/

export function verifyRoutes(app: FastifyInstance, context: OperatorContext): void {
  app.addHook('onRequest', async (request, reply) => {
    const correlator = request.headers['x-correlator']
    if (correlator !== undefined) reply.header('x-correlator', correlator)
  })

  // Bad JSON, a body too large, or another media type.
  app.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) => {
    const status = error.statusCode ?? 500
    const code = status < 500 ? 'INVALID_ARGUMENT' : 'INTERNAL'
    return sendError(reply, camaraError(status, code, 'The request could not be handled'))
  })

  app.post('/camara/number-verification/v031/verify', async (request, reply) => {
    // Presenting a token spends it, whatever follows.
    const device = context.accessTokens.take(bearerToken(request.headers.authorization) ?? '')
    if (!device) return sendError(reply, camaraError(401, 'UNAUTHENTICATED', 'The access token is not valid'))
    const sentHash = parseSentHash(request.body)
    if (!sentHash) {
      const message = 'Exactly one of phoneNumber and hashedPhoneNumber is required'
      return sendError(reply, camaraError(400, 'INVALID_ARGUMENT', message))
    }
    if (device.network === 'wifi') return sendError(reply, notOnCarrierNetwork)
    const { row } = device.flow
    if (await answerWithFault({ row, step: 'verify' }, request, reply, context)) return reply
    return { devicePhoneNumberVerified: isVerified(device, sentHash) }
  })
}

function isVerified({ flow }: DeviceSession, sentHash: string): boolean {
  const { outcome } = flow.row
  const sameNumber = sentHash === hashOf(flow.phoneNumber)
  return sameNumber && (outcome.kind !== 'match' || outcome.verified)
}

/** The hash of the number in the body, in whichever form it came; `undefined` when the body is not valid. */
function parseSentHash(body: unknown): string | undefined {
  const { phoneNumber, hashedPhoneNumber } = (body ?? {}) as Record<string, unknown>
  if (phoneNumber !== undefined && hashedPhoneNumber !== undefined) return undefined
  if (typeof phoneNumber === 'string' && phoneNumberPattern.test(phoneNumber)) return hashOf(phoneNumber)
  if (typeof hashedPhoneNumber === 'string' && hashedPhoneNumberPattern.test(hashedPhoneNumber)) {
    return hashedPhoneNumber.toLowerCase()
  }
  return undefined
}

function hashOf(phoneNumber: string): string {
  return createHash('sha256').update(phoneNumber).digest('hex')
}
