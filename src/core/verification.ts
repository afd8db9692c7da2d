/**
 * The use cases, as plain decisions over the ports: no framework, no I/O of its own, no clock.
 * The HTTP routes call these and nothing else.
 */
import type { EventSink, OauthError } from './events.ts'
import { leavesCodeUnspent, ServiceFailure } from './failures.ts'
import { hasCallingCode, type PhoneNumber, parsePhoneNumber } from './phone-number.ts'
import type {
  AuthUrl,
  Caller,
  Keep,
  Landings,
  NetworkOperator,
  ReceiptSigner,
  Result,
  StateStore,
  Taken,
} from './ports.ts'
import type { SentCode, SmsVerification } from './sms-verification.ts'
import type { Soon } from './soon.ts'
import { mintState, resultKey, toReference } from './state.ts'
import type { Correlation } from './trace-context.ts'

export interface VerificationOptions {
  operator: NetworkOperator
  store: StateStore
  landings: Landings
  events: EventSink
  /** Undefined: no receipts. */
  receipts?: ReceiptSigner | undefined
  /** Undefined: no codes by text message. */
  sms?: SmsVerification | undefined
  /** The allowed scopes, at least one; the first is the default. */
  scopes: readonly string[]
  /** Calling codes without `+`, such as `34`. Empty: all. */
  callingCodes: readonly string[]
  /** When true, a caller may only ask about the number that its own token carries. */
  ownNumberOnly: boolean
}

export interface StartRequest {
  phoneNumber: string
  scope?: string
}

/** What the device got: our state, or the operator's name of the verification. */
export type FinishRequest = { code: string } & ({ state: string } | { requestId: string })

export interface Verification {
  /**
   * Begins a verification: asks the operator and keeps the state at the same time, so that a remote store costs no latency.
   * Both must work; a failed start leaves no state behind.
   * @param mayMessage counts a message that may follow by itself, where messages are on
   * @param work is given up when it is aborted, since nobody waits for its answer any more; aborted when it is in vain
   * @throws invalid_phone_number, country_not_supported, scope_not_allowed, phone_number_not_allowed
   * @throws overloaded, store_unavailable from the store, and whatever `NetworkOperator.requestAuthUrl` throws
   */
  start(
    caller: Caller,
    request: StartRequest,
    correlation: Correlation,
    work: AbortController,
    mayMessage?: () => Soon<boolean>,
  ): Promise<AuthUrl>
  /**
   * Sends a code by text message, to be finished with like a device's. Absent where messages are off.
   * @throws invalid_phone_number, country_not_supported, phone_number_not_allowed, and whatever `SmsVerification.send` throws
   */
  sendCode?(
    caller: Caller,
    request: { phoneNumber: string },
    admit: () => Soon<void>,
    correlation: Correlation,
  ): Promise<SentCode>
  /** Counts a redirect that came back, with a code or with an error. Finishes nothing, and keeps nothing. */
  land(outcome: 'code' | OauthError, state: string | undefined): void
  /**
   * Ends a verification that the same caller started: takes the state, then spends the code on the number kept with it. The
   * state is used up, unless the code was surely not spent. The same caller repeating the same request, during the work or up to
   * 60 seconds after a result, gets that result; nothing runs twice. The work goes on when the caller leaves, for that repeat.
   * @returns which number it was, and whether it is verified; `false` is a result, and has no receipt
   * @throws invalid_state for a state that is unknown, expired, used, or another caller's
   * @throws wrong_code when a code that the user typed may be typed again
   * @throws upstream_unavailable, upstream_busy when the state is still good
   * @throws store_unavailable, and whatever `NetworkOperator.checkCode` throws
   */
  finish(caller: Caller, request: FinishRequest, correlation: Correlation): Promise<Result>
}

/** So that `retry` is true where a failure says so. Otherwise only starting again helps, and the answer says that. */
async function giveBack(taken: Taken, failure: unknown): Promise<never> {
  if (!leavesCodeUnspent(failure)) {
    taken.drop()
    throw failure
  }
  if (await taken.putBack().catch(() => false)) throw failure
  throw new ServiceFailure('invalid_state', { cause: failure, note: 'the state could not be put back' })
}

export function createVerification(options: VerificationOptions): Verification {
  const { operator, store, landings, events, receipts, sms, scopes, callingCodes, ownNumberOnly } = options
  /** The finishes under way here, by `resultKey`. */
  const finishing = new Map<string, Promise<Result>>()

  /** The number, if this caller may ask about it. */
  function admitNumber(caller: Caller, text: string): PhoneNumber {
    const phoneNumber = parsePhoneNumber(text)
    if (!phoneNumber) throw new ServiceFailure('invalid_phone_number')
    if (!hasCallingCode(phoneNumber, callingCodes)) throw new ServiceFailure('country_not_supported')
    if (ownNumberOnly && caller.phoneNumber !== text) throw new ServiceFailure('phone_number_not_allowed')
    return phoneNumber
  }

  async function finishOnce(
    caller: Caller,
    code: string,
    state: string,
    correlation: Correlation,
  ): Promise<Result> {
    const { subject } = caller
    const taken = await store.take(subject, state, code)
    if (!taken) return finishTyped(caller, code, state, correlation)
    const { phoneNumber } = taken
    const verified = await operator
      .checkCode({ subject, code, pending: taken }, correlation)
      .catch((failure: unknown) => giveBack(taken, failure))
    events({ name: 'verification.finished', callingCode: phoneNumber.callingCode, verified })
    // A message may follow under the operator's own name of a verification. Then the weaker of the two is what can be said.
    const typed = taken.requestId !== undefined && sms?.mayBeTyped(code)
    return conclude(caller, code, state, { phoneNumber, verified }, typed ? 'sms' : 'network')
  }

  /** Signs what was verified, once. The caller gets the result even if it cannot be kept for a repeat. */
  async function conclude(
    caller: Caller,
    code: string,
    state: string,
    found: { phoneNumber: PhoneNumber; verified: boolean },
    method: 'network' | 'sms',
  ): Promise<Result> {
    const { phoneNumber, verified } = found
    const receipt = verified ? await receipts?.sign({ caller, phoneNumber, method }) : undefined
    const result = { ...found, ...(receipt !== undefined && { receipt }) }
    const { subject } = caller
    await store.keepResult(subject, state, code, result).catch(() => undefined)
    return result
  }

  /** What is no state of a device may be one of a message, or one that has its result. */
  async function finishTyped(
    caller: Caller,
    code: string,
    state: string,
    correlation: Correlation,
  ): Promise<Result> {
    const { subject } = caller
    const kept = await store.findResult(subject, state, code)
    if (kept) {
      events({ name: 'verification.repeated' })
      return kept
    }
    const phoneNumber = await sms?.check(caller, code, state, correlation)
    if (!phoneNumber) throw new ServiceFailure('invalid_state')
    const result = await conclude(caller, code, state, { phoneNumber, verified: true }, 'sms')
    await sms?.end(caller, phoneNumber, state)
    return result
  }

  async function repeatOf(underWay: Promise<Result>): Promise<Result> {
    const result = await underWay
    events({ name: 'verification.repeated' })
    return result
  }

  return {
    async start(caller, request, correlation, work, mayMessage = () => true) {
      const phoneNumber = admitNumber(caller, request.phoneNumber)
      const scope = request.scope ?? scopes[0]
      if (scope === undefined || !scopes.includes(scope)) throw new ServiceFailure('scope_not_allowed')

      const { callingCode } = phoneNumber
      events({ name: 'verification.started', callingCode })
      const { subject } = caller
      let begun: { reference: string; keeping: Promise<void> } | undefined
      const keep: Keep = ({ reference, lifetimeSeconds, ...named }) => {
        const keeping = store.put(subject, reference, { phoneNumber, scope, ...named }, lifetimeSeconds)
        keeping.catch(() => work.abort())
        begun = { reference, keeping }
        return keeping
      }
      try {
        const asked = { subject, phoneNumber, scope, state: mintState(), mayMessage }
        const authUrl = await operator.requestAuthUrl(asked, keep, correlation, work)
        await begun?.keeping
        events({ name: 'verification.url_issued', callingCode })
        if (begun) landings.expect(begun.reference)
        return authUrl
      } catch (failure) {
        // If the store failed, it says so here.
        await begun?.keeping
        // Nobody ever learns this name, so if the store cannot drop it now, its TTL does.
        if (begun) await store.take(subject, begun.reference).catch(() => undefined)
        throw failure
      }
    },

    ...(sms && {
      async sendCode(caller, request, admit, correlation) {
        return sms.send(caller, admitNumber(caller, request.phoneNumber), admit, correlation)
      },
    }),

    land(outcome, state) {
      events({ name: 'verification.landed', outcome })
      if (state !== undefined) landings.land(state)
    },

    finish(caller, request, correlation) {
      const state = toReference(request)
      if (state === undefined) return Promise.reject(new ServiceFailure('invalid_state'))
      const key = resultKey(caller.subject, state, request.code)
      const underWay = finishing.get(key)
      if (underWay) return repeatOf(underWay)
      const finished = finishOnce(caller, request.code, state, correlation).finally(() =>
        finishing.delete(key),
      )
      finishing.set(key, finished)
      return finished
    },
  }
}
