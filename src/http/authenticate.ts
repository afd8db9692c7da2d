/**
 * Guards a scope of routes with the company's access tokens. Every route registered in the scope is guarded; public routes
 * are registered outside it.
 */
import type { FastifyInstance } from 'fastify'
import { ServiceFailure } from '../core/failures.ts'
import type { Caller } from '../core/ports.ts'
import type { Soon } from '../core/soon.ts'

export interface AccessTokenVerifier {
  /** @throws invalid_token, insufficient_scope, idp_unavailable */
  verify(token: string): Soon<Caller>
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set on guarded routes before anything else runs. */
    caller: Caller
  }
}

/**
 * Runs before the body is read. Refuses with `missing_token`, `invalid_token` (401), `insufficient_scope` (403) or
 * `idp_unavailable` (503).
 */
export function guard(scope: FastifyInstance, accessTokens: AccessTokenVerifier): void {
  scope.decorateRequest('caller')
  scope.addHook('onRequest', async (request) => {
    request.caller = await accessTokens.verify(bearerToken(request.headers.authorization))
  })
}

/** The scheme's name is case-insensitive (RFC 9110 section 11.1); another scheme is as good as none. */
function bearerToken(authorization = ''): string {
  const scheme = /^bearer(?: +|$)/i.exec(authorization)
  if (!scheme) throw new ServiceFailure('missing_token', { note: schemeNote(authorization) })
  return authorization.slice(scheme[0].length)
}

/** For the log. What may be a secret by mistake is not named. */
function schemeNote(authorization: string): string {
  if (authorization === '') return 'no Authorization header'
  return /^dpop /i.test(authorization)
    ? 'the DPoP scheme, which is not supported: only Bearer is'
    : 'not the Bearer scheme'
}
