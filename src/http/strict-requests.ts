/**
 * Refuses requests that Node's parser lets through although two readers could understand them differently.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceFailure } from '../core/failures.ts'

/** Headers of which Node silently keeps the first. */
const singular = ['host', 'authorization']

/**
 * Runs first, for known and unknown routes alike. Refuses with `invalid_request`, and then everything on the same connection, for
 * what stands behind such a request may be a part of it; or with `unsupported_media_type`.
 */
export function requireStrictRequests(app: FastifyInstance): void {
  const refused = new WeakSet<Socket>()
  app.addHook('onRequest', ({ raw, headers, routeOptions }: FastifyRequest, _reply, done) => {
    // Node hands on what has come in one piece before the first answer is out.
    const note = refused.has(raw.socket)
      ? 'behind a refused request'
      : ambiguityOf(raw, routeOptions.config.step === 'landing')
    if (note) {
      refused.add(raw.socket)
      done(new ServiceFailure('invalid_request', { note }))
    } else if (headers['content-encoding'])
      done(new ServiceFailure('unsupported_media_type', { note: 'encoded body' }))
    else done()
  })
}

/** @param mayHaveFragment a redirect may: not all clients cut off what an operator appends */
function ambiguityOf(
  { rawHeaders, headers, httpVersion, url = '' }: IncomingMessage,
  mayHaveFragment: boolean,
): string | undefined {
  const twice = singular.find((name) => countOf(rawHeaders, name) > 1)
  if (twice) return `two ${twice} headers`
  if (!httpVersion.startsWith('1.')) return 'not HTTP/1'
  if (!headers.host && httpVersion !== '1.0') return 'no host header'
  if (!url.startsWith('/') || (url.includes('#') && !mayHaveFragment)) return 'not an origin-form target'
  return undefined
}

/** @param rawHeaders names and values in turn */
function countOf(rawHeaders: readonly string[], name: string): number {
  let count = 0
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const candidate = rawHeaders[index] as string
    if (candidate.length === name.length && candidate.toLowerCase() === name) count++
  }
  return count
}
