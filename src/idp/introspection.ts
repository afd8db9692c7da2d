/**
 * Asks the identity provider about opaque tokens, so that neither its trouble nor a flood of garbage becomes everybody's: one request at
 * a time for each token, a bound on how many and how fast, a deadline, and a pause after failures in a row. Loaded only when used.
 */
import { hash } from 'node:crypto'
import type { JWTPayload } from 'jose'
import {
  allowInsecureRequests,
  ClientSecretBasic,
  customFetch,
  introspectionRequest,
  processIntrospectionResponse,
} from 'oauth4webapi'
import type { Clock } from '../core/ports.ts'
import { readBounded } from './fetch-json.ts'
import { describeTrouble, notYet, ProviderError } from './provider-trouble.ts'
import { createTokenCache } from './token-cache.ts'
import { invalid } from './token-rules.ts'

/** Within the deadline of a start. */
const timeoutMs = 3000
/** Anybody can make up tokens: the provider gets no more than this of it. */
const maxInFlight = 32
const maxPerSecond = 50
/** An inactive token stays so; remembered that it is not asked for again at once, and no longer, should the provider change its mind. */
const inactiveMs = 10_000
const failuresToPause = 5
const pauseMs = 5000

export interface IntrospectionOptions {
  issuer: string
  uri: string
  clientId: string
  clientSecret: string
  clock: Clock
  /** Called with the cause of every request that failed. */
  onFailure: (cause: unknown) => void
}

/**
 * What the provider says of an active token; the caller judges it.
 * @throws invalid_token when it is not active, or bound to a key
 * @throws idp_unavailable, with Retry-After
 */
export type Introspect = (token: string) => Promise<JWTPayload>

/** @see RFC 7662 section 2, with HTTP Basic (RFC 6749 section 2.3.1) */
export function createIntrospection(options: IntrospectionOptions): Introspect {
  const { issuer, uri, clientId, clientSecret, clock, onFailure } = options
  const provider = { issuer, introspection_endpoint: uri }
  const client = { client_id: clientId }
  const authentication = ClientSecretBasic(clientSecret)
  const inactive = createTokenCache<true>(clock, inactiveMs)
  const underWay = new Map<string, Promise<JWTPayload>>()
  let second = { endsAtMs: Number.NEGATIVE_INFINITY, asked: 0 }
  let failuresInRow = 0
  let pausedUntilMs = Number.NEGATIVE_INFINITY

  /** Takes the right to one request. @throws idp_unavailable */
  function takeTurn(): void {
    const nowMs = clock.monotonicMs()
    if (nowMs < pausedUntilMs)
      throw notYet('introspection fails, and is not asked for a while', pausedUntilMs - nowMs)
    if (underWay.size >= maxInFlight) throw notYet('too many introspections under way', 1000)
    if (nowMs >= second.endsAtMs) second = { endsAtMs: nowMs + 1000, asked: 0 }
    if (second.asked >= maxPerSecond)
      throw notYet('too many introspections in this second', second.endsAtMs - nowMs)
    second.asked += 1
    // After a pause one request goes first, and the others wait for what becomes of it.
    if (failuresInRow >= failuresToPause) pausedUntilMs = nowMs + pauseMs
  }

  async function ask(token: string): Promise<JWTPayload> {
    const response = await introspectionRequest(provider, client, authentication, token, {
      additionalParameters: { token_type_hint: 'access_token' },
      signal: AbortSignal.timeout(timeoutMs),
      [customFetch]: fetchBounded,
      // The settings decide where plain http may go.
      [allowInsecureRequests]: true,
    })
    return (await processIntrospectionResponse(provider, client, response)) as JWTPayload
  }

  async function askInTurn(token: string): Promise<JWTPayload> {
    try {
      const claims = await ask(token)
      failuresInRow = 0
      pausedUntilMs = Number.NEGATIVE_INFINITY
      return claims
    } catch (cause) {
      // Some providers say so of a token that is none; strangers must not be able to cause a pause.
      if (cause instanceof ProviderError && cause.status === 400) throw invalid('introspection: status 400')
      onFailure(cause)
      failuresInRow += 1
      if (failuresInRow >= failuresToPause) pausedUntilMs = clock.monotonicMs() + pauseMs
      throw notYet(`introspection: ${describeTrouble(cause)}`, 1000, cause)
    }
  }

  return async (token) => {
    if (inactive.get(token)) throw invalid('an inactive token')
    const key = hash('sha256', token, 'base64url')
    let asked = underWay.get(key)
    if (!asked) {
      takeTurn()
      asked = askInTurn(token).finally(() => underWay.delete(key))
      underWay.set(key, asked)
    }
    const { active, token_type: type, ...claims } = await asked
    if (active !== true) {
      inactive.set(token, true, Number.POSITIVE_INFINITY)
      throw invalid('an inactive token')
    }
    if (typeof type === 'string' && /^dpop$/i.test(type))
      throw invalid('a sender-constrained token came as a bearer token')
    return claims
  }
}

/** The body is bounded and read within the deadline; only a 200 is an answer. */
async function fetchBounded(url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  const body = await readBounded(response)
  const { status, headers } = response
  if (status === 401 || status === 403)
    throw new ProviderError(
      `status ${status}: AUTH_INTROSPECTION_CLIENT_ID or its secret is not accepted`,
      status,
    )
  if (status !== 200) throw new ProviderError(`status ${status}`, status)
  return new Response(body, { headers })
}
