/**
 * The only writer of error bodies: RFC 9457 problem documents for every answer that is not a 2xx, also where no route,
 * no framework or no HTTP was reached.
 */
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { type FailureCode, ServiceFailure } from '../core/failures.ts'
import { type NextAction, problemTypes } from './problem-types.ts'
import { capitalised, sendRaw } from './raw-reply.ts'
import { newRequestId } from './request-id.ts'

/** To cut a connection at once could lose the answer on its way. */
const lingerMs = 500

export const problemMediaType = 'application/problem+json'

export interface ProblemError {
  /** JSON pointer into the body. */
  pointer: string
  /** What is expected there; never the value that came. */
  detail: string
}

export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: FailureCode
  request_id: string
  next_action: NextAction
  errors?: ProblemError[]
}

export function toProblem(code: FailureCode, requestId: string, errors?: ProblemError[]): Problem {
  const { status, nextAction, title, detail } = problemTypes[code]
  return {
    type: `urn:problem-type:network-enablement-bff:${code}`,
    title,
    status,
    detail,
    code,
    request_id: requestId,
    next_action: nextAction,
    ...(errors && { errors }),
  }
}

/** RFC 6750 section 3: no error code when no token came at all. */
const challenges: Partial<Record<FailureCode, string>> = {
  missing_token: 'Bearer realm="network-enablement"',
  invalid_token: 'Bearer realm="network-enablement", error="invalid_token"',
  insufficient_scope: 'Bearer realm="network-enablement", error="insufficient_scope"',
}

/** Headers that a code brings along, whatever wrote the answer. */
function problemHeaders(failure: ServiceFailure): Record<string, string> {
  const { code, retryAfterSeconds = 1 } = failure
  const headers: Record<string, string> = { 'content-type': problemMediaType }
  if (problemTypes[code].nextAction === 'retry') headers['retry-after'] = String(retryAfterSeconds)
  const challenge = challenges[code]
  if (challenge) headers['www-authenticate'] = challenge
  return headers
}

/** Each request's failure, for the request log. */
const failures = new WeakMap<FastifyRequest, ServiceFailure>()

export function failureOf(request: FastifyRequest): ServiceFailure | undefined {
  return failures.get(request)
}

/** The body is sent as bytes, so that neither a response schema nor a charset parameter changes what is declared here. */
export function sendProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  failure: ServiceFailure,
  errors?: ProblemError[],
): FastifyReply {
  failures.set(request, failure)
  return reply
    .code(problemTypes[failure.code].status)
    .headers(problemHeaders(failure))
    .send(Buffer.from(JSON.stringify(toProblem(failure.code, request.id, errors))))
}

/** The same for the mobile libraries' own parsers. */
export function sendRawProblem(
  request: FastifyRequest,
  reply: FastifyReply,
  failure: ServiceFailure,
  errors?: ProblemError[],
): FastifyReply {
  failures.set(request, failure)
  const json = JSON.stringify(toProblem(failure.code, request.id, errors))
  return sendRaw(reply, problemTypes[failure.code].status, problemHeaders(failure), json)
}

const codeOfFastifyError: Readonly<Record<string, FailureCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'unsupported_media_type',
  FST_ERR_CTP_BODY_TOO_LARGE: 'payload_too_large',
  FST_ERR_BAD_URL: 'invalid_request',
}

/** Anything that is neither ours nor the framework's word about the request is a bug, and says nothing of itself outside. */
function toFailure(error: unknown): ServiceFailure {
  if (error instanceof ServiceFailure) return error
  if (!isAboutRequest(error)) return new ServiceFailure('internal', { cause: error })
  return new ServiceFailure(codeOfFastifyError[error.code] ?? 'invalid_request', { note: error.code })
}

/** Fastify's own errors, and those of its plugins, which follow http-errors: `expose` means that the client may know. */
function isAboutRequest(error: unknown): error is FastifyError {
  if (!(error instanceof Error) || !('statusCode' in error) || Number(error.statusCode) >= 500) return false
  return (
    ('code' in error && String(error.code).startsWith('FST_')) || ('expose' in error && error.expose === true)
  )
}

/** Makes an error handler, for `setErrorHandler` and `frameworkErrors`, of one of the two writers. */
export function errorHandler(send: typeof sendProblem) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const validation = isAboutRequest(error) ? error.validation : undefined
    const errors = validation?.map(toProblemError)
    return send(request, reply, toFailure(error), errors)
  }
}

function toProblemError({
  instancePath,
  keyword,
  params,
}: NonNullable<FastifyError['validation']>[number]): ProblemError {
  switch (keyword) {
    case 'required':
      return { pointer: instancePath, detail: 'required' }
    case 'type':
      return { pointer: instancePath, detail: `expected ${params.type}` }
    case 'additionalProperties':
      // The name of the member is the client's text, so it is not repeated.
      return { pointer: instancePath, detail: 'holds a member that is not part of this API' }
    default:
      return { pointer: instancePath, detail: `does not fit: ${keyword}` }
  }
}

const codeOfParserError: Readonly<Record<string, FailureCode>> = {
  HPE_HEADER_OVERFLOW: 'headers_too_large',
  ERR_HTTP_REQUEST_TIMEOUT: 'request_timeout',
}

/** What Node says of a first line that it cannot read. */
const unreadableTarget = new Set(['HPE_INVALID_URL', 'HPE_INVALID_CONSTANT'])

/** Of a request that Node could not read: its first line, if it was that. One character a byte. */
function unreadableLine({ code = '', rawPacket }: ParserError): string | undefined {
  return unreadableTarget.has(code) && Buffer.isBuffer(rawPacket)
    ? rawPacket.toString('latin1').split('\r\n', 1)[0]
    : undefined
}

/** What was said where there is no reply object; no code: what was asked for. */
export interface SocketAnswer {
  requestId: string
  code?: FailureCode
}

interface ParserError extends Error {
  code?: string
  /** The bytes that came last. */
  rawPacket?: unknown
}

/**
 * For `clientErrorHandler`: bytes that are no request.
 * @param receive may know what to answer to a first line that cannot be read: JSON, or a failure
 * @returns what was answered, unless the client has gone
 */
export function answerParserError(
  error: ParserError,
  socket: Socket,
  receive: (line: string) => string | ServiceFailure | undefined = () => undefined,
): SocketAnswer | undefined {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return undefined
  }
  const line = unreadableLine(error)
  const received = line === undefined ? undefined : receive(line)
  if (typeof received === 'string') {
    const requestId = newRequestId()
    endWith(socket, 200, requestId, { 'content-type': 'application/json' }, received)
    return { requestId }
  }
  const code = received?.code ?? codeOfParserError[error.code ?? ''] ?? 'invalid_request'
  return endWithProblem(socket, code)
}

/** Ends a connection, where there is no reply object. A client that holds on is cut off. */
export function endWithProblem(socket: Socket, code: FailureCode): SocketAnswer {
  const requestId = newRequestId()
  const json = JSON.stringify(toProblem(code, requestId))
  endWith(socket, problemTypes[code].status, requestId, problemHeaders(new ServiceFailure(code)), json)
  return { requestId, code }
}

/** The whole HTTP/1.1 answer, in one write. */
function endWith(
  socket: Socket,
  status: number,
  requestId: string,
  headers: Record<string, string>,
  json: string,
): void {
  const body = `${json}\n`
  const all = capitalised({
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-request-id': requestId,
    connection: 'close',
  })
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
  setTimeout(() => socket.destroy(), lingerMs).unref()
}
