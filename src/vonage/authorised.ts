/** Calls with our application JWT: what a 401 means for the keys, and the one repeat that it allows. */
import type { Soon } from '../core/soon.ts'
import type { KeyRing } from './key-ring.ts'
import type { Outcome, Route } from './route.ts'
import type { Request } from './transport.ts'

export interface Authorised {
  /** Lets our keys know how Vonage took this JWT. @returns after a 401 the one that may do better */
  heed(outcome: Outcome, jwt: string): Soon<string | undefined>
  /** Sends once more, with another JWT, after a 401 that this may cure: Vonage ran nothing of a call it did not authorise. */
  send(route: Route, build: (jwt: string) => Request, signal: AbortSignal): Promise<Outcome>
}

export function createAuthorised(applicationJwt: KeyRing): Authorised {
  function heed(outcome: Outcome, jwt: string): Soon<string | undefined> {
    if (outcome.kind !== 'answer') return undefined
    if (outcome.status === 401) return applicationJwt.replace(jwt)
    if (outcome.status < 300) applicationJwt.accepted(jwt)
    return undefined
  }

  return {
    heed,

    async send(route, build, signal) {
      const current = applicationJwt.current()
      const jwt = current instanceof Promise ? await current : current
      const outcome = await route.send(build(jwt), signal)
      const heeded = heed(outcome, jwt)
      const other = heeded instanceof Promise ? await heeded : heeded
      if (other === undefined) return outcome
      const second = await route.send(build(other), signal)
      await heed(second, other)
      return second
    },
  }
}

/** Not `AbortSignal.timeout`, whose timer and exception outlive every call that went well; and no `any`, which is dearer still. */
export function abortAfter(timeoutMs: number, work: AbortController): NodeJS.Timeout {
  return setTimeout(() => work.abort(new DOMException('out of time', 'TimeoutError')), timeoutMs)
}
