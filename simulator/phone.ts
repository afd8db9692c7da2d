/**
 * A phone: walks a verification as an app with Vonage's Android library does, over real sockets, and tells each step.
 * Used by the phone page, by the demo and by tests. It never leaves the simulation: it opens no URL of another host.
 * The access token goes to the service's two POST routes only, never to a hop of the redirects.
 */

import { randomUUID } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import {
  type Answer,
  isOverloaded,
  type PhoneOutcome,
  parseAnswer,
  parseJson,
  parseStarted,
  readOutcome,
} from './answers.ts'
import type { Hop, HopLog } from './hops.ts'
import { hideRequestId, redactPayload } from './redact.ts'

/** How many hops one redirect chain may have, as in Vonage's Android library by default. */
const maxHops = 10
/** The longest that a phone waits for one answer; Vonage's Android library gives its whole chain 30 s. */
const answerTimeoutMs = 30_000
/** A service that has just started on a busy machine says that it is overloaded, for a moment. */
const maxRepeats = 5

export type Network = 'cellular' | 'wifi'
/** Whose phone it is: the caller's own, or that of someone who wants the caller's result. */
export type Holder = 'device' | 'attacker'

/** One request and its answer, redacted. */
export interface Step {
  from: Holder
  to: 'identity_provider' | 'service' | 'vonage' | 'carrier' | 'elsewhere'
  method: string
  /** Without the query. */
  path: string
  /** HTTP status; 0 when there was no answer. */
  status: number
  durationMs: number
  /** What the phone adds to the request of its own accord. */
  headers?: unknown
  /** Members of the body or of the query. */
  request?: unknown
  response?: unknown
  /** What the service asked Vonage before it answered, oldest first. */
  inside?: readonly Hop[]
}

type StepListener = (step: Step) => void

type Shown = Pick<Step, 'to' | 'request' | 'headers'>

export interface PhoneOptions {
  /** Default `device`. */
  holder?: Holder
  /** Where the service's public listener can be reached; an origin. */
  serviceUrl: string
  /** The registered redirect URI. Its origin leads to `serviceUrl`. */
  redirectUri: string
  operatorUrl: string
  /** The base of the operator's URLs that a device opens. Its origin leads to `operatorUrl`. */
  deviceUrl: string
  /** Asks the identity provider for an access token of this subject. */
  issueAccessToken: (subject: string) => Promise<string>
  /** Where to learn what the service asks meanwhile. With several phones at once their hops mix. */
  hops: HopLog
  /** Ends every wait when it aborts. */
  signal: AbortSignal
}

interface VerifyOptions {
  subject: string
  phoneNumber: string
  network: Network
  /** Called with the text of the landing page before the phone sends it: the moment for an attack. */
  beforeFinish?: (landing: string) => Promise<unknown>
}

/** A whole verification, and its pieces. Each piece reports its steps and gives the last answer; none throws on a refusal. */
export interface Phone {
  /** An access token for this subject. @throws Error when the identity provider refuses */
  signIn(subject: string, onStep?: StepListener): Promise<string>
  start(accessToken: string, phoneNumber: string, onStep?: StepListener): Promise<Answer>
  /** Follows the redirects one by one; gives the last answer: that of the landing page, or of Vonage itself. */
  open(authUrl: string, network: Network, onStep?: StepListener): Promise<Answer>
  /** Sends the text of the landing page, byte for byte. */
  finish(accessToken: string, landing: string, onStep?: StepListener): Promise<Answer>
  requestSms(accessToken: string, phoneNumber: string, onStep?: StepListener): Promise<Answer>
  /** Sends a code that the user typed, with the state of the answer to `requestSms`. */
  typeCode(
    accessToken: string,
    typed: { code: string; state: string },
    onStep?: StepListener,
  ): Promise<Answer>
  verify(options: VerifyOptions, onStep?: StepListener): Promise<PhoneOutcome>
}

export function createPhone(options: PhoneOptions): Phone {
  const { holder = 'device', serviceUrl } = options
  const redirectOrigin = new URL(options.redirectUri).origin
  const operatorOrigin = new URL(options.deviceUrl).origin

  /** Sends one request, follows nothing, and reports the step. A service that sheds load is asked again. */
  async function send(request: Request, shown: Shown, onStep?: StepListener): Promise<Answer> {
    let answer = await attempt(request.clone(), shown, onStep)
    for (let repeats = 0; repeats < maxRepeats && isOverloaded(answer); repeats += 1) {
      const waitMs = (answer.retryAfterSeconds ?? 1) * 1000
      await setTimeout(waitMs, undefined, { signal: options.signal })
      answer = await attempt(request.clone(), shown, onStep)
    }
    return answer
  }

  async function attempt(request: Request, shown: Shown, onStep?: StepListener): Promise<Answer> {
    const inside: Hop[] = []
    const stop = options.hops.subscribe((hop) => {
      if (hop.from === 'service') inside.push(hop)
    })
    const startedAt = performance.now()
    const answer = await exchange(request, options.signal)
    stop()
    onStep?.({
      from: holder,
      to: shown.to,
      method: request.method,
      path: hideRequestId(new URL(request.url).pathname),
      status: answer.status,
      durationMs: Math.round(performance.now() - startedAt),
      headers: redactPayload(shown.headers),
      request: redactPayload(shown.request),
      response: redactPayload(answer.location ? { location: answer.location } : answer.body),
      ...(shown.to === 'service' && inside.length > 0 && { inside }),
    })
    return answer
  }

  function post(path: string, accessToken: string, body: string, onStep?: StepListener): Promise<Answer> {
    const headers = { authorization: `Bearer ${accessToken}` }
    const request = new Request(`${serviceUrl}${path}`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
    })
    return send(request, { to: 'service', headers, request: parseJson(body) ?? body }, onStep)
  }

  function partyAt(url: URL): Step['to'] {
    if (url.origin === redirectOrigin || url.origin === new URL(serviceUrl).origin) return 'service'
    if (url.origin !== operatorOrigin) return 'elsewhere'
    return url.pathname.startsWith('/carrier/') ? 'carrier' : 'vonage'
  }

  async function signIn(subject: string, onStep?: StepListener): Promise<string> {
    const startedAt = performance.now()
    const accessToken = await options.issueAccessToken(subject)
    onStep?.({
      from: holder,
      to: 'identity_provider',
      method: 'POST',
      path: '/token',
      status: 200,
      durationMs: Math.round(performance.now() - startedAt),
      request: { grant_type: 'client_credentials', client_id: subject },
      response: redactPayload({ access_token: accessToken }),
    })
    return accessToken
  }

  async function start(accessToken: string, phoneNumber: string, onStep?: StepListener): Promise<Answer> {
    return post('/v1/network-enablement', accessToken, JSON.stringify({ phone_number: phoneNumber }), onStep)
  }

  async function open(authUrl: string, network: Network, onStep?: StepListener): Promise<Answer> {
    const correlation = { 'x-silentauth-sdk-request': randomUUID() }
    let url = new URL(authUrl)
    for (let hop = 1; hop <= maxHops; hop += 1) {
      const to = partyAt(url)
      // What the app adds goes to the first hop only, as in Vonage's Android library.
      const headers = { ...correlation, ...(hop === 1 && { 'x-simulated-network': network }) }
      const shown = { to, headers, request: Object.fromEntries(url.searchParams) }
      if (to === 'elsewhere') {
        onStep?.({
          from: holder,
          method: 'GET',
          path: url.pathname,
          status: 0,
          durationMs: 0,
          ...redacted(shown),
        })
        return { status: 0, text: '', body: undefined, failure: 'left_the_simulation' }
      }
      const base = to === 'service' ? serviceUrl : options.operatorUrl
      const reachable = new URL(url.pathname + url.search, base)
      const answer = await send(new Request(reachable, { headers }), shown, onStep)
      if (answer.location === undefined) return answer
      if (!URL.canParse(answer.location, url.href)) return { ...answer, failure: 'sdk_redirect_error' }
      url = new URL(answer.location, url)
    }
    return { status: 0, text: '', body: undefined, failure: 'sdk_redirect_error' }
  }

  async function finish(accessToken: string, landing: string, onStep?: StepListener): Promise<Answer> {
    return post('/v1/number-verification', accessToken, landing, onStep)
  }

  return {
    signIn,
    start,
    open,
    finish,
    requestSms: (accessToken, phoneNumber, onStep) =>
      post('/v1/sms-verification', accessToken, JSON.stringify({ phone_number: phoneNumber }), onStep),
    typeCode: (accessToken, typed, onStep) => finish(accessToken, JSON.stringify(typed), onStep),
    async verify({ subject, phoneNumber, network, beforeFinish }, onStep) {
      const accessToken = await signIn(subject, onStep)
      const started = await start(accessToken, phoneNumber, onStep)
      const authUrl = parseStarted(started)
      if (authUrl === undefined) return readOutcome(started)
      const landed = await open(authUrl, network, onStep)
      if (landed.status !== 200 || typeof landed.body !== 'object') return readOutcome(landed)
      await beforeFinish?.(landed.text)
      return readOutcome(await finish(accessToken, landed.text, onStep))
    },
  }
}

function redacted<T extends Pick<Step, 'headers' | 'request'>>(shown: T): T {
  return { ...shown, request: redactPayload(shown.request) }
}

/** One request and its answer. Without an answer the failure has the name that Vonage's mobile libraries give it. */
async function exchange(request: Request, closing: AbortSignal): Promise<Answer> {
  const deadline = AbortSignal.timeout(answerTimeoutMs)
  try {
    const response = await fetch(request, {
      redirect: 'manual',
      signal: AbortSignal.any([deadline, closing]),
    })
    return parseAnswer(response, await response.text())
  } catch {
    const failure = deadline.aborted ? 'sdk_timeout_error' : 'sdk_connection_error'
    return { status: 0, text: '', body: undefined, failure }
  }
}
