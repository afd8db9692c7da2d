/**
 * Refuses requests that Node's parser lets through although two readers could understand them differently.
 */
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
  app.addHook('onRequest', (request, _reply, done) => {
    const { socket, headers } = request.raw
    // Node hands on what has come in one piece before the first answer is out.
    const note = refused.has(socket) ? 'behind a refused request' : ambiguityOf(request)
    if (note) {
      refused.add(socket)
      done(new ServiceFailure('invalid_request', { note }))
    } else if (headers['content-encoding'])
      done(new ServiceFailure('unsupported_media_type', { note: 'encoded body' }))
    else done()
  })
}

function ambiguityOf(request: FastifyRequest): string | undefined {
  const { rawHeaders, headers, httpVersion, url = '' } = request.raw
  const twice = singular.find((name) => countOf(rawHeaders, name) > 1)
  if (twice) return `two ${twice} headers`
  if (!httpVersion.startsWith('1.')) return 'not HTTP/1'
  if (!headers.host && httpVersion !== '1.0') return 'no host header'
  // A redirect may have a fragment: not all clients cut off what an operator appends.
  const isOriginForm =
    url.startsWith('/') && (!url.includes('#') || request.routeOptions.config.step === 'landing')
  if (!isOriginForm) return 'not an origin-form target'
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
