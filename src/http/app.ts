/**
 * A bare listener: limits on what a socket may do, strict requests, a request id, safe headers, one writer of problems and
 * one log line per request. Both listeners are made from it.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { createBatch } from '../core/batch.ts'
import type { EventSink } from '../core/events.ts'
import { ServiceFailure } from '../core/failures.ts'
import { answerParserError, endWithProblem, errorHandler, type SocketAnswer, sendProblem } from './problem.ts'
import { requestIdOf } from './request-id.ts'
import { type RequestLog, reportRequest } from './request-log.ts'
import { requireStrictRequests } from './strict-requests.ts'
import { compilersFactory } from './validation.ts'

/** The largest honest body, a finish with a code of 2,048 characters, is under 2.2 KB. */
const maxBodyBytes = 4096
const headersTimeoutMs = 5000
/** Node looks at its timeouts only this often; by default every 30 s, and slow clients would stay that long. */
const connectionsCheckIntervalMs = 1000

export interface AppOptions {
  /** How long a client may take to send one request. */
  requestTimeoutMs: number
  /** Of the request line and the headers. */
  maxHeadBytes: number
  /**
   * For good callers. Longer than a load balancer keeps an idle connection, so that it closes first and never writes to a
   * closed one.
   */
  keepAliveTimeoutMs: number
  /** Addresses or CIDR ranges whose X-Forwarded-For is believed. */
  trustedProxies?: readonly string[]
  /** While true, answers ask their clients to open a new connection, which then reaches another replica. */
  isDraining: () => boolean
  /** May know what to answer to a request whose first line Node cannot read: JSON, or a failure. */
  receiveUnreadable?: ((line: string) => string | ServiceFailure | undefined) | undefined
  log: RequestLog
  events: EventSink
}

const handleError = errorHandler(sendProblem)

export type App = ReturnType<typeof createApp>

export function createApp(options: AppOptions) {
  const { trustedProxies = [], isDraining, receiveUnreadable, log, events } = options

  function setCommonHeaders(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers({
      'x-request-id': request.id,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
  }

  // One line each, as for any other request: a stranger gets that with a path that does not exist as well.
  function reportUnreadable(answer: SocketAnswer | undefined, note: string): void {
    if (!answer) return
    const { requestId, code } = answer
    if (code) events({ name: 'request.unreadable', code })
    log.info({ request_id: requestId, code, note }, 'unreadable request')
  }

  const app = fastify({
    trustProxy: trustedProxies.length > 0 ? [...trustedProxies] : false,
    bodyLimit: maxBodyBytes,
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: options.keepAliveTimeoutMs,
    http: {
      maxHeaderSize: options.maxHeadBytes,
      headersTimeout: headersTimeoutMs,
      connectionsCheckingInterval: connectionsCheckIntervalMs,
      // A missing Host is refused by `requireStrictRequests`, as a problem document.
      requireHostHeader: false,
    },
    genReqId: requestIdOf,
    requestIdHeader: false,
    return503OnClosing: false,
    schemaController: { compilersFactory },
    // Here no hook runs.
    frameworkErrors: (error, request, reply) => {
      setCommonHeaders(request, reply)
      reply.header('connection', 'close')
      handleError(error, request, reply)
      reportRequest({ log, events }, request, reply)
    },
    clientErrorHandler: (error, socket) =>
      reportUnreadable(answerParserError(error, socket, receiveUnreadable), error.code),
  }).withTypeProvider<TypeBoxTypeProvider>()

  const methodsOfPath = new Map<string, string[]>()
  app.addHook('onRoute', ({ url, method }) => {
    methodsOfPath.set(url, [...(methodsOfPath.get(url) ?? []), method].flat())
  })

  // Hooks that wait for nothing take a callback: each promise would cost every request a turn.
  app.addHook('onRequest', (request, reply, done) => {
    setCommonHeaders(request, reply)
    done()
  })
  // Only who has shown a good access token may keep a connection: an idle one, or one read slowly, costs an open file.
  app.addHook('onSend', ({ caller }, reply, _payload, done) => {
    if (isDraining() || !caller) reply.header('connection', 'close')
    done()
  })
  requireStrictRequests(app)
  const ended = createBatch<[FastifyRequest, FastifyReply]>(([request, reply]) =>
    reportRequest({ log, events }, request, reply),
  )
  app.addHook('onResponse', (request, reply, done) => {
    ended.add([request, reply])
    done()
  })
  app.removeContentTypeParser('text/plain')
  app.setErrorHandler(handleError)
  function refuseUnknown(request: FastifyRequest, reply: FastifyReply): ServiceFailure {
    const methods = methodsOfPath.get(request.url.replace(/\?.*/s, ''))
    if (methods) reply.header('allow', methods.join(', '))
    return new ServiceFailure(methods ? 'method_not_allowed' : 'not_found')
  }
  // Before the body is read: a wrong method is a wrong method whatever it carries.
  app.addHook('onRequest', (request, reply, done) => {
    done(request.is404 ? refuseUnknown(request, reply) : undefined)
  })
  // A plugin may find nothing where a route is.
  app.setNotFoundHandler((request, reply) => {
    throw refuseUnknown(request, reply)
  })
  // Node takes its own listener off a socket that it hands over, and a reset that nobody listens for ends the process.
  app.server.on('connection', (socket) => socket.on('error', () => undefined))
  // Node would answer an expectation other than 100-continue by itself, and a CONNECT not at all.
  app.server.on('checkExpectation', ({ socket }: IncomingMessage) =>
    reportUnreadable(endWithProblem(socket, 'invalid_request'), 'an unknown expectation'),
  )
  app.server.on('connect', (_request, socket: Socket) =>
    reportUnreadable(endWithProblem(socket, 'invalid_request'), 'a CONNECT'),
  )
  // Node drops those beyond 2,000, and with them a second Host. Their bytes are bounded already.
  app.server.maxHeadersCount = 0
  return app
}
