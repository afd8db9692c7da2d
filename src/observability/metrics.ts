/**
 * What becomes of each event, in Prometheus's terms; this table alone decides it. Labels are from closed sets, so that nothing a
 * phone sends can make a new time series.
 */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { createBatch } from '../core/batch.ts'
import { type EventSink, oauthErrors, type ServiceEvent, type UpstreamCall } from '../core/events.ts'

/** Quick answers of ours, the seconds of Vonage, and the deadlines of a start (5 s) and a finish (10 s). */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

const circuitNumber = { closed: 0, 'half-open': 1, open: 2 }

/** What is not an event but a present state, read at each scrape. `undefined`: there is none now, and so no sample. */
interface Gauges {
  quotaWaiting(): number
  /** Of the calls that are made at all. */
  circuits(): Iterable<[UpstreamCall, keyof typeof circuitNumber]>
  liveStates(): number | undefined
  jwksAgeSeconds(): number | undefined
  applicationJwtAgeSeconds(): number | undefined
  /** By setting: whether what is in the file now is of no use. */
  keyFiles(): Iterable<[setting: string, isFaulty: boolean]>
  /** Those that are published; the first one signs. */
  receiptKeys(): readonly { kid: string; alg: string }[]
}

export interface Metrics {
  /** Counts. */
  events: EventSink
  /** Once, when the parts exist that the gauges look at. */
  watch(gauges: Gauges): void
  /** The Prometheus text format, version 0.0.4. */
  text(): Promise<string>
}

/**
 * Also process and event-loop metrics (`process_`, `nodejs_`).
 * @param callingCodes those that are allowed: messages to any other count as `other`, so that what costs money has a closed set of labels
 */
export function createMetrics(callingCodes: readonly string[] = []): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const registers = [registry]

  /** @param known values of the first label that are shown as 0 from the beginning, so that their first event is a rise */
  function counter<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[] = [],
    known: readonly string[] = [],
  ): Counter<Label> {
    const made = new Counter({ name: `nebff_${name}`, help, labelNames, registers })
    for (const value of known) made.inc({ [labelNames[0] as Label]: value } as Record<Label, string>, 0)
    return made
  }
  function histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: Label[],
  ): Histogram<Label> {
    return new Histogram({ name: `nebff_${name}`, help, labelNames, buckets: secondsBuckets, registers })
  }

  const started = counter('verifications_started_total', 'Starts that may ask Vonage.', ['country'])
  const issued = counter('verifications_url_issued_total', 'Starts answered with an auth_url.', ['country'])
  const landed = counter(
    'verifications_landed_total',
    'Redirects that came back, by code or OAuth error.',
    ['outcome'],
    ['code', ...oauthErrors],
  )
  const finished = counter('verifications_finished_total', 'Results.', ['country', 'result'])
  const repeated = counter('verifications_repeated_total', 'Results given once more to the same caller.')
  const failed = counter('verifications_failed_total', 'Steps answered with a problem.', ['step', 'code'])
  const expired = counter(
    'verifications_expired_without_landing_total',
    'Devices that got a URL and never came back.',
  )
  const smsSent = counter('sms_sent_total', 'Codes sent by text message.', ['country'])
  const smsCompleted = counter('sms_completed_total', 'Codes of messages typed right.', ['country'])
  const smsWrong = counter('sms_wrong_codes_total', 'Codes of messages typed wrong.', ['country'])
  const upstream = histogram('upstream_request_duration_seconds', 'Calls to Vonage.', ['call', 'outcome'])
  const unsent = counter('upstream_refused_total', 'Calls to Vonage not sent, by our own decision.', [
    'call',
    'reason',
  ])
  const quotaWait = histogram('quota_wait_seconds', "Time that starts waited for Vonage's quota.", [])
  const limited = counter(
    'rate_limit_refusals_total',
    'Requests refused by a rate limit.',
    ['limit'],
    ['address', 'caller', 'number', 'distinct-numbers', 'sms'],
  )
  const keyChanges = counter(
    'private_key_changes_total',
    'Times that Vonage took another private key than the one in use.',
    ['key'],
    ['primary', 'next'],
  )
  const receipts = counter(
    'receipts_total',
    'Receipts signed, and verified numbers that went without because signing failed.',
    ['outcome'],
    ['issued', 'failed'],
  )
  const http = histogram('http_request_duration_seconds', 'Requests, by the template of their route.', [
    'route',
    'method',
    'status',
  ])
  const unreadable = counter('unreadable_requests_total', 'Bytes that were no request.', ['code'])

  const droppedLines = counter('log_lines_dropped_total', 'Lines of the log that nobody took in time.')

  const countryOf = (callingCode: string) =>
    callingCodes.some((allowed) => allowed.startsWith(callingCode)) ? callingCode : 'other'

  const table: { [Name in ServiceEvent['name']]: (event: ServiceEvent & { name: Name }) => void } = {
    'verification.started': ({ callingCode }) => started.inc({ country: callingCode }),
    'verification.url_issued': ({ callingCode }) => issued.inc({ country: callingCode }),
    'verification.landed': ({ outcome }) => landed.inc({ outcome }),
    'verification.finished': ({ callingCode, verified }) =>
      finished.inc({ country: callingCode, result: verified ? 'match' : 'mismatch' }),
    'verification.repeated': () => repeated.inc(),
    'verification.failed': ({ step, code }) => failed.inc({ step, code }),
    'verification.expired_without_landing': ({ count }) => expired.inc(count),
    'upstream.called': ({ call, outcome, seconds }) => upstream.observe({ call, outcome }, seconds),
    'upstream.refused': ({ call, reason }) => unsent.inc({ call, reason }),
    'quota.waited': ({ seconds }) => quotaWait.observe(seconds),
    'rate_limit.refused': ({ limit }) => limited.inc({ limit }),
    'receipt.signed': ({ outcome }) => receipts.inc({ outcome }),
    'private_key.changed': ({ key }) => keyChanges.inc({ key }),
    'request.answered': ({ route, method, status, seconds }) =>
      http.observe({ route, method, status }, seconds),
    'request.unreadable': ({ code }) => unreadable.inc({ code }),
    'sms.sent': ({ callingCode }) => smsSent.inc({ country: countryOf(callingCode) }),
    'sms.completed': ({ callingCode }) => smsCompleted.inc({ country: countryOf(callingCode) }),
    'sms.wrong': ({ callingCode }) => smsWrong.inc({ country: countryOf(callingCode) }),
    'log.dropped': ({ count }) => droppedLines.inc(count),
  }

  function gauge(name: string, help: string, read: () => number | undefined): void {
    new Gauge({
      name: `nebff_${name}`,
      help,
      registers,
      collect() {
        const value = read()
        if (value === undefined) this.remove()
        else this.set(value)
      },
    })
  }

  const batch = createBatch<ServiceEvent>((event) => (table[event.name] as EventSink)(event))

  return {
    events: batch.add,

    watch({ quotaWaiting, circuits, liveStates, jwksAgeSeconds, applicationJwtAgeSeconds, ...keys }) {
      gauge('quota_waiting', "Starts that wait for Vonage's quota.", quotaWaiting)
      gauge('live_states', 'Verifications under way, in memory.', liveStates)
      gauge('jwks_age_seconds', "Age of the identity provider's keys.", jwksAgeSeconds)
      gauge('application_jwt_age_seconds', 'Age of our JWT for Vonage.', applicationJwtAgeSeconds)
      new Gauge({
        name: 'nebff_circuit_state',
        help: 'Circuit breaker: 0 closed, 1 half-open, 2 open.',
        labelNames: ['call'],
        registers,
        collect() {
          for (const [call, state] of circuits()) this.set({ call }, circuitNumber[state])
        },
      })
      new Gauge({
        name: 'nebff_private_key_file_faulty',
        help: 'Files of private keys: 1 when what is there is of no use and the key before stays.',
        labelNames: ['setting'],
        registers,
        collect() {
          for (const [setting, isFaulty] of keys.keyFiles()) this.set({ setting }, Number(isFaulty))
        },
      })
      new Gauge({
        name: 'nebff_receipt_key_info',
        help: 'The keys in the key set for receipts; one signs.',
        labelNames: ['kid', 'alg', 'signs'],
        registers,
        collect() {
          this.reset()
          for (const [n, { kid, alg }] of keys.receiptKeys().entries())
            this.set({ kid, alg, signs: String(n === 0) }, 1)
        },
      })
    },

    text() {
      batch.flush()
      return registry.metrics()
    },
  }
}
