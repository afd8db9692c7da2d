/**
 * One kind of call to Vonage, made safe to use when Vonage is not: a quota to wait for, a bound on calls in flight, a circuit
 * breaker, and one repeat of a call that surely did not run. In that order; `transport.ts` is the innermost.
 */
import {
  BulkheadRejectedError,
  bulkhead,
  CircuitState,
  ConsecutiveBreaker,
  circuitBreaker,
  DelegateBackoff,
  handleWhenResult,
  type IHalfOpenAfterBackoffContext,
} from 'cockatiel'
import type { EventSink, ServiceEvent, UpstreamCall } from '../core/events.ts'
import type { Clock } from '../core/ports.ts'
import type { Soon } from '../core/soon.ts'
import type { Quota } from './quota.ts'
import { clampRetryAfter, parseRetryAfter } from './retry-after.ts'
import type { Answer, NoAnswer, Request, Transport } from './transport.ts'

/** Beyond those in flight. */
const maxWaiting = 64
const failuresToOpen = 5
/** Doubled each time that the probe fails. */
const firstOpenMs = 30_000
const maxOpenMs = 300_000

/** Not sent, for a reason on our side of the wire. */
export interface Busy {
  kind: 'busy'
  note: string
  /** Whole seconds, 1 to 60. */
  retryAfterSeconds: number
}

export type Outcome = Answer | NoAnswer | Busy

export interface Route {
  /** Never rejects. @param signal the one deadline over waiting, both tries and everything else */
  send(request: Request, signal: AbortSignal): Promise<Outcome>
  /** What `send` would answer at once because the circuit is open. */
  refused(): Busy | undefined
  circuit(): 'closed' | 'half-open' | 'open'
}

export interface RouteOptions {
  call: UpstreamCall
  transport: Transport
  /** Calls in flight. 64 more may wait; the rest is refused at once. */
  maxInFlight: number
  /** For starts. Absent: no waiting, and no repeat either. */
  quota?: Pick<Quota, 'acquire' | 'pause'> | undefined
  clock: Clock
  events: EventSink
}

/**
 * The circuit opens after 5 faults in a row (no answer, or a 5xx; never a 4xx or our own refusals), for 30 seconds at first and
 * 300 at most. Then one call is let through as a probe; meanwhile the others are still refused.
 */
export function createRoute({ call, transport, maxInFlight, quota, clock, events }: RouteOptions): Route {
  const places = bulkhead(maxInFlight, maxWaiting)
  let openUntilMs = 0
  const circuit = circuitBreaker(
    handleWhenResult((result) => isFault(result as Outcome) || isUndecidedProbe(result as Outcome)),
    {
      breaker: new ConsecutiveBreaker(failuresToOpen),
      halfOpenAfter: new DelegateBackoff<IHalfOpenAfterBackoffContext>(({ attempt, result }) => {
        const undecided = 'value' in result && isUndecidedProbe(result.value as Outcome)
        const openMs = undecided ? 0 : Math.min(maxOpenMs, firstOpenMs * 2 ** (attempt - 1))
        openUntilMs = clock.monotonicMs() + openMs
        // cockatiel reads the wall clock, which jumps: to it the time is always up, and `refusedByCircuit` decides.
        return Number.NEGATIVE_INFINITY
      }),
    },
  )

  /** A probe whose caller left proves nothing: the circuit does not close, and the next call is the next probe. */
  function isUndecidedProbe({ kind }: Outcome): boolean {
    return kind === 'cancelled' && circuit.state === CircuitState.HalfOpen
  }

  /** cockatiel would let callers wait for the probe's end; here they are refused like those before. */
  function refusedByCircuit(): Busy | undefined {
    const leftMs = openUntilMs - clock.monotonicMs()
    if (circuit.state === CircuitState.HalfOpen || (circuit.state === CircuitState.Open && leftMs > 0))
      return busy('circuit', leftMs / 1000)
    return undefined
  }

  function busy(reason: keyof typeof busyNotes, retryAfterSeconds: number): Busy {
    events({ name: 'upstream.refused', call, reason })
    return { kind: 'busy', note: busyNotes[reason], retryAfterSeconds: clampRetryAfter(retryAfterSeconds) }
  }

  async function sendOnce(request: Request, signal: AbortSignal): Promise<Answer | NoAnswer> {
    const sentAtMs = clock.monotonicMs()
    const outcome = await transport.send(request, signal)
    const seconds = (clock.monotonicMs() - sentAtMs) / 1000
    events({ name: 'upstream.called', call, outcome: outcomeName(outcome), seconds })
    return outcome
  }

  async function sendOrRepeat(request: Request, signal: AbortSignal): Promise<Outcome> {
    const outcome = await sendOnce(request, signal)
    if (!quota || outcome.kind === 'answer' || !outcome.repeatable || signal.aborted) return outcome
    const refusedForSeconds = await quota.acquire(signal)
    return refusedForSeconds === undefined ? sendOnce(request, signal) : outcome
  }

  /** Who waits for a place gives up at the deadline; a call that has its place is `transport`'s to end. */
  function inPlace(work: () => Soon<Outcome>, signal: AbortSignal): Promise<Outcome> {
    if (places.executionSlots > 0) return places.execute(work)
    const late: NoAnswer = { kind: 'timeout', repeatable: true, cause: 'no place in time' }
    if (signal.aborted) return Promise.resolve(late)
    let begun = false
    const placed = places.execute(() => {
      begun = true
      return signal.aborted ? late : work()
    })
    const givenUp = new Promise<Outcome>((resolve) => {
      signal.addEventListener('abort', () => !begun && resolve(late), { once: true })
    })
    return Promise.race([placed, givenUp])
  }

  return {
    async send(request, signal) {
      const refused = refusedByCircuit()
      if (refused) return refused
      const acquired = quota?.acquire(signal)
      const refusedForSeconds = acquired instanceof Promise ? await acquired : acquired
      if (refusedForSeconds !== undefined) return busy('quota', refusedForSeconds)
      try {
        const outcome = await inPlace(
          () => refusedByCircuit() ?? circuit.execute(() => sendOrRepeat(request, signal)),
          signal,
        )
        if (outcome.kind === 'answer' && outcome.status === 429)
          await quota?.pause(1000 * parseRetryAfter(outcome.headers['retry-after'], clock.wallMs()))
        return outcome
      } catch (error) {
        if (error instanceof BulkheadRejectedError) return busy('in_flight', 1)
        throw error
      }
    },

    refused: refusedByCircuit,

    circuit: () => circuitNames[circuit.state],
  }
}

const busyNotes = {
  quota: 'the quota is spent',
  in_flight: 'too many calls in flight',
  circuit: 'the circuit is open',
}

const circuitNames = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.HalfOpen]: 'half-open',
  [CircuitState.Open]: 'open',
  // Only on request, which nobody does.
  [CircuitState.Isolated]: 'open',
} as const

/** `2xx` to `5xx`, or why there was no answer. The parser lets statuses up to 999 through, which count as the worst. */
function outcomeName(outcome: Answer | NoAnswer): (ServiceEvent & { name: 'upstream.called' })['outcome'] {
  if (outcome.kind !== 'answer') return outcome.kind
  return `${Math.min(5, Math.floor(outcome.status / 100))}xx` as '2xx' | '3xx' | '4xx' | '5xx'
}

function isFault(outcome: Outcome): boolean {
  if (outcome.kind === 'answer') return outcome.status >= 500
  return outcome.kind !== 'busy' && outcome.kind !== 'cancelled'
}
