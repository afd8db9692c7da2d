/**
 * What a phone reads in an answer: where it leads, what it says, and what the app should do next.
 * Called by `phone.ts`. Pure.
 */

/** Why there is no usable answer. The `sdk_…` names are those of Vonage's mobile libraries. */
type AnswerFailure =
  | 'sdk_connection_error'
  | 'sdk_timeout_error'
  | 'sdk_redirect_error'
  | 'left_the_simulation'

export interface Answer {
  /** 0 when there was none. */
  status: number
  text: string
  /** The JSON of the answer; `undefined` for anything else. */
  body: unknown
  /** Where a redirect leads, as it was written. */
  location?: string | undefined
  retryAfterSeconds?: number | undefined
  failure?: AnswerFailure
}

/** How a verification ended, and one sentence for the app's developer. */
export type PhoneOutcome =
  | { verified: boolean; advice: string; receipt?: string }
  | { code: string; next_action: string; title: string; detail: string; advice: string }

const failures: Record<AnswerFailure, string> = {
  sdk_connection_error: 'The connection failed or was cut.',
  sdk_timeout_error: 'No answer came in time.',
  sdk_redirect_error: 'The redirects lead nowhere, or there are too many.',
  left_the_simulation: 'The redirects lead to a foreign host, where the simulated phone does not go.',
}

/** What an app does on each `next_action` of the service. */
const advices: Record<string, string> = {
  fix_request: 'Nothing at run time: the app has a bug.',
  ask_again: 'Let the user correct what they typed.',
  sign_in: 'Sign the user in again, and start with the new access token.',
  retry: 'Send the same request again, after the time in Retry-After.',
  start_again: 'Start a new verification. This one cannot be finished any more.',
  use_fallback: 'Offer another factor, such as a code by SMS.',
  give_up: 'Do not try again. Tell the user that it does not work now; the operators of the service know.',
}

/** @returns the answer in short; JSON is read only under the media types that Vonage's Android library reads */
export function parseAnswer(response: Response, text: string): Answer {
  const { status, headers } = response
  const isRedirect = [301, 302, 303, 307, 308].includes(status)
  const retryAfter = headers.get('retry-after')
  return {
    status,
    text,
    body: /^application\/((hal|problem)\+)?json\b/.test(headers.get('content-type') ?? '')
      ? parseJson(text)
      : undefined,
    location: isRedirect ? (headers.get('location') ?? undefined) : undefined,
    retryAfterSeconds: retryAfter === null ? undefined : Number(retryAfter),
  }
}

/** The `auth_url` of an answer to a start; `undefined` when it has none. */
export function parseStarted({ status, body }: Answer): string | undefined {
  const { auth_url } = (body ?? {}) as Record<string, unknown>
  return status === 200 && typeof auth_url === 'string' && URL.canParse(auth_url) ? auth_url : undefined
}

/** The service did nothing with the request, and says when to repeat it. */
export function isOverloaded({ body }: Answer): boolean {
  return ((body ?? {}) as Record<string, unknown>).code === 'overloaded'
}

/** What an answer that ends a verification means. */
export function readOutcome(answer: Answer): PhoneOutcome {
  const body = (answer.body ?? {}) as Record<string, unknown>
  if (answer.status === 200 && typeof body.phone_number_verified === 'boolean') {
    return body.phone_number_verified
      ? {
          verified: true,
          advice: 'The number belongs to the SIM card in this phone. Go on.',
          ...(typeof body.receipt === 'string' && { receipt: body.receipt }),
        }
      : {
          verified: false,
          advice:
            'The SIM card in this phone has another number. Let the user correct it, or offer another factor.',
        }
  }
  if (typeof body.code === 'string' && typeof body.next_action === 'string') {
    return {
      code: body.code,
      next_action: body.next_action,
      title: String(body.title),
      detail: String(body.detail),
      advice: adviceFor(body.next_action, answer.retryAfterSeconds),
    }
  }
  // A problem of Vonage's, at the end of a `check_url`: it has no `next_action` of the service.
  if (typeof body.type === 'string' && body.type.includes('#')) {
    return {
      code: String(body.type.split('#')[1]),
      next_action: 'use_fallback',
      title: String(body.title),
      detail: String(body.detail),
      advice: adviceFor('use_fallback'),
    }
  }
  return {
    code: answer.failure ?? 'sdk_error',
    next_action: 'use_fallback',
    title: 'No usable answer',
    detail: answer.failure
      ? failures[answer.failure]
      : `The phone got an answer of status ${answer.status} that it cannot read.`,
    advice: adviceFor('use_fallback'),
  }
}

function adviceFor(nextAction: string, retryAfterSeconds?: number): string {
  if (nextAction === 'retry' && retryAfterSeconds)
    return `Wait ${retryAfterSeconds} s, then send the same request again.`
  return advices[nextAction] ?? `The app does not know ${nextAction}: treat it as give_up.`
}

/** @returns `undefined` for what is not JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
