/** What the OpenAPI document says of headers, which no schema of a route holds: by reference, so that each is told once. */
import type { FailureCode } from '../core/failures.ts'
import { problemTypes } from './problem-types.ts'

/** The same for the request and for the answer. */
const requestId = { type: 'string', maxLength: 64, pattern: '^[A-Za-z0-9._-]{1,64}$' }
const printable = { type: 'string', maxLength: 256, pattern: '^[ -~]+$' }

export const headers = {
  RequestId: {
    description: 'Names this request in the log. Quote it when asking for help.',
    required: true,
    schema: requestId,
  },
  CacheControl: {
    description: 'Nothing may be kept but the key set.',
    required: true,
    schema: { type: 'string', enum: ['no-store', 'public, max-age=300'] },
  },
  RetryAfter: {
    description: 'Seconds to wait before the same request is sent again, with every `retry`.',
    schema: { type: 'integer', format: 'int32', minimum: 1, maximum: 60 },
  },
  RateLimit: {
    description:
      'What is left of a limit: its name, requests, seconds until it starts anew. Of the caller once its token is known; in a 429 of the limit that refused.',
    schema: { ...printable, examples: ['"caller";r=18;t=42'] },
  },
  RateLimitPolicy: {
    description: 'The same limit: its name, requests, seconds of its window.',
    schema: { ...printable, examples: ['"caller";q=20;w=60'] },
  },
  WwwAuthenticate: {
    description: 'How to authenticate, and what was wrong (RFC 6750, section 3).',
    schema: { ...printable, examples: ['Bearer realm="network-enablement", error="invalid_token"'] },
  },
  Allow: {
    description: 'With 405: the methods of the path.',
    schema: { ...printable, examples: ['GET, HEAD'] },
  },
}

export const parameters = {
  RequestId: {
    name: 'X-Request-Id',
    in: 'header',
    description: 'An id of yours for this request. One that does not fit is replaced, not refused.',
    schema: requestId,
  },
  Traceparent: {
    name: 'traceparent',
    in: 'header',
    description: 'The trace that this request belongs to (W3C Trace Context), which goes on from here.',
    schema: { type: 'string', maxLength: 55, pattern: '^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$' },
  },
}

const names: Record<keyof typeof headers, string> = {
  RequestId: 'X-Request-Id',
  CacheControl: 'Cache-Control',
  RetryAfter: 'Retry-After',
  RateLimit: 'RateLimit',
  RateLimitPolicy: 'RateLimit-Policy',
  WwwAuthenticate: 'WWW-Authenticate',
  Allow: 'Allow',
}

interface Response {
  headers?: object
  content?: Record<string, { examples?: object }>
}
interface Operation {
  security?: object[]
  parameters?: object[]
  responses: Record<string, Response>
}
/** What is looked at of the document. */
export interface ApiDocument {
  paths: Record<string, Record<string, Operation>>
  components?: object
}

/**
 * Adds the headers to an operation, in place.
 * @param codesOf the codes that this answer may have
 */
export function addHeaders(operation: Operation, codesOf: (response: Response) => FailureCode[]): void {
  const guarded = operation.security?.length !== 0
  operation.parameters = [
    ...(operation.parameters ?? []),
    ...Object.keys(parameters).map(refTo('parameters')),
  ]
  for (const [status, response] of Object.entries(operation.responses)) {
    const codes = codesOf(response)
    const isDefault = status === 'default'
    const told: (keyof typeof headers)[] = ['RequestId', 'CacheControl']
    if (isDefault || codes.some((code) => problemTypes[code].nextAction === 'retry')) told.push('RetryAfter')
    if (guarded || codes.includes('rate_limited')) told.push('RateLimit', 'RateLimitPolicy')
    if (codes.includes('invalid_token') || codes.includes('insufficient_scope')) told.push('WwwAuthenticate')
    if (isDefault) told.push('Allow')
    response.headers = Object.fromEntries(told.map((key) => [names[key], refTo('headers')(key)]))
  }
}

const refTo = (kind: string) => (name: string) => ({ $ref: `#/components/${kind}/${name}` })
