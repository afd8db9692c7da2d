/**
 * The simulated network operator: Vonage's APIs and the carrier's redirects on one listener.
 * Puts the groups of routes together and records every hop. A further group of routes is one more entry in `routeGroups`.
 */

import Fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { createApplicationJwtCheck } from './application-jwt.ts'
import { carrierRoutes } from './carrier.ts'
import { accessTokenLifetimeSeconds, type OperatorContext, type OperatorOptions, pathOf } from './context.ts'
import { createHopRecorder, type HopRecorder, type ReceivedCall } from './hops.ts'
import { type Listener, listen } from './listen.ts'
import { networkEnablementRoutes } from './network-enablement.ts'
import { createPhone, type Holder, type Phone } from './phone.ts'
import { phonePageRoutes } from './phone-page.ts'
import { createQuota } from './quota.ts'
import { createTickets } from './tickets.ts'
import { tokenRoutes } from './token.ts'
import { verifyRoutes } from './verify.ts'
import { checkUrlRoutes } from './verify-v2/check-url.ts'
import { verifyV2Routes } from './verify-v2/routes.ts'
import { createVerifications, type Message } from './verify-v2/verifications.ts'

export interface Operator {
  operatorUrl: string
  hops: HopRecorder
  createPhone(holder?: Holder): Phone
  messages(phoneNumber: string): readonly Message[]
  close(): Promise<void>
}

/** RFC 6749 section 4.1.2 asks for a short life; Vonage publishes no figure. */
const codeLifetimeMs = 60_000
/** How long an `auth_url` can be opened, and a device may take for its hops. Vonage publishes no figure. */
const flowLifetimeMs = 300_000

const routeGroups = [
  networkEnablementRoutes,
  carrierRoutes,
  tokenRoutes,
  verifyRoutes,
  verifyV2Routes,
  checkUrlRoutes,
  phonePageRoutes,
]

/** Starts the operator on its own port. */
export async function startOperator(options: OperatorOptions): Promise<Operator> {
  const { now } = options
  const closing = new AbortController()
  let listener: Listener | undefined
  const operatorUrl = () => options.operatorUrl ?? listener?.url ?? ''
  const context: OperatorContext = {
    options,
    deviceUrl: () => options.deviceUrl ?? operatorUrl(),
    checkApplicationJwt: createApplicationJwtCheck(options),
    admit: createQuota(options.requestsPerSecond, now),
    flows: createTickets({ prefix: 'v2_', lifetimeMs: flowLifetimeMs, now }),
    sessions: createTickets({ lifetimeMs: flowLifetimeMs, now }),
    codes: createTickets({ lifetimeMs: codeLifetimeMs, now }),
    accessTokens: createTickets({ lifetimeMs: accessTokenLifetimeSeconds * 1000, now }),
    verifications: createVerifications(now),
    hops: createHopRecorder(),
    createPhone: (holder = 'device') =>
      createPhone({
        holder,
        serviceUrl: options.serviceUrl,
        redirectUri: options.redirectUri,
        operatorUrl: operatorUrl(),
        deviceUrl: context.deviceUrl(),
        issueAccessToken: options.issueAccessToken,
        hops: context.hops,
        signal: closing.signal,
      }),
    closing: closing.signal,
  }

  const app = Fastify({ exposeHeadRoutes: false })
  recordHops(app, context)
  // The shape of the gateway's own answers, as for 405.
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).send({ message: 'Not Found', _links: {}, _embedded: {} }),
  )
  app.get('/livez', () => ({ status: 'ok' }))
  for (const routes of routeGroups) app.register(async (scope) => routes(scope, context))
  await app.ready()
  listener = await listen(app.server, options)

  return {
    operatorUrl: operatorUrl(),
    hops: context.hops,
    createPhone: context.createPhone,
    messages: context.verifications.messages,
    async close() {
      const closed = listener.close()
      closing.abort()
      await closed
      await app.close()
    },
  }
}

function recordHops(app: FastifyInstance, { hops, options }: OperatorContext): void {
  const calls = new WeakMap<FastifyRequest, ReceivedCall>()

  app.addHook('onRequest', async (request) => {
    const { headers } = request
    const { rawHeaders } = request.raw
    const call = { atMs: options.now(), path: pathOf(request), headers, rawHeaders, body: undefined }
    calls.set(request, call)
    hops.arrive(call)
  })

  app.addHook('preValidation', async (request) => {
    const call = calls.get(request)
    if (call) call.body = request.body
  })

  // Fastify measures the time of a request only where such a hook is.
  app.addHook('onResponse', async () => {})

  app.addHook('onSend', async (request, reply, payload) => {
    const location = reply.getHeader('location')
    hops.record({
      at: new Date(options.now()).toISOString(),
      method: request.method,
      path: pathOf(request),
      status: reply.statusCode,
      durationMs: Math.round(reply.elapsedTime),
      request: request.body ?? request.query,
      response: location ? { location } : readable(payload),
    })
  })
}

function readable(payload: unknown): unknown {
  if (typeof payload !== 'string') return null
  try {
    return JSON.parse(payload)
  } catch {
    return `${payload.length} characters that are not JSON`
  }
}
