/**
 * Refuses requests that Node's parser lets through although two readers could understand them differently.
 */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ServiceFailure } from '../core/failures.ts'

/** Headers of which Node silently keeps the first. */
const singular = ['host', 'authorization']

/** Runs first, for known and unknown routes alike. Refuses with `invalid_request` or `unsupported_media_type`. */
export function requireStrictRequests(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw, headers }: FastifyRequest) => {
    const names = raw.rawHeaders.filter((_, index) => index % 2 === 0).map((name) => name.toLowerCase())
    for (const name of singular)
      if (names.indexOf(name) !== names.lastIndexOf(name)) throw refused(`two ${name} headers`)
    if (raw.httpVersionMajor !== 1) throw refused('not HTTP/1')
    if (!headers.host && raw.httpVersion !== '1.0') throw refused('no host header')
    if (!raw.url?.startsWith('/')) throw refused('not an origin-form target')
    if (!isDecodable(raw.url)) throw refused('a malformed escape in the query')
    if (headers['content-encoding'])
      throw new ServiceFailure('unsupported_media_type', { note: 'encoded body' })
  })
}

/** The parser of queries leaves a malformed escape as it stands; another reader would not. */
function isDecodable(url: string): boolean {
  if (!url.includes('%')) return true
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}

function refused(note: string): ServiceFailure {
  return new ServiceFailure('invalid_request', { note })
}
