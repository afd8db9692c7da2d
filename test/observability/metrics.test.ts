/** The metrics as Prometheus reads them. */
import { test } from 'tap'
import type { ServiceEvent } from '../../src/core/events.ts'
import { createMetrics } from '../../src/observability/metrics.ts'
import { samplesOf } from '../support/metrics.ts'

/** Each event, and the one sample that it makes. */
const rows: [ServiceEvent, sample: string, value?: number][] = [
  [{ name: 'verification.started', callingCode: '34' }, 'nebff_verifications_started_total{country="34"}'],
  [
    { name: 'verification.url_issued', callingCode: '1' },
    'nebff_verifications_url_issued_total{country="1"}',
  ],
  [{ name: 'verification.landed', outcome: 'code' }, 'nebff_verifications_landed_total{outcome="code"}'],
  [
    { name: 'verification.landed', outcome: 'access_denied' },
    'nebff_verifications_landed_total{outcome="access_denied"}',
  ],
  [
    { name: 'verification.finished', callingCode: '990', verified: true },
    'nebff_verifications_finished_total{country="990",result="match"}',
  ],
  [
    { name: 'verification.finished', callingCode: '990', verified: false },
    'nebff_verifications_finished_total{country="990",result="mismatch"}',
  ],
  [{ name: 'verification.repeated' }, 'nebff_verifications_repeated_total'],
  [
    { name: 'verification.failed', step: 'finish', code: 'invalid_state' },
    'nebff_verifications_failed_total{step="finish",code="invalid_state"}',
  ],
  [
    { name: 'verification.expired_without_landing', count: 7 },
    'nebff_verifications_expired_without_landing_total',
    7,
  ],
  [
    { name: 'upstream.called', call: 'token', outcome: '4xx', seconds: 0.3 },
    'nebff_upstream_request_duration_seconds_sum{call="token",outcome="4xx"}',
    0.3,
  ],
  [
    { name: 'upstream.refused', call: 'network_enablement', reason: 'quota' },
    'nebff_upstream_refused_total{call="network_enablement",reason="quota"}',
  ],
  [{ name: 'quota.waited', seconds: 0.11 }, 'nebff_quota_wait_seconds_sum', 0.11],
  [
    { name: 'rate_limit.refused', limit: 'distinct-numbers' },
    'nebff_rate_limit_refusals_total{limit="distinct-numbers"}',
  ],
  [{ name: 'receipt.signed', outcome: 'issued' }, 'nebff_receipts_total{outcome="issued"}'],
  [{ name: 'private_key.changed', key: 'next' }, 'nebff_private_key_changes_total{key="next"}'],
  [
    { name: 'request.answered', route: '/livez', method: 'GET', status: 200, seconds: 0.002 },
    'nebff_http_request_duration_seconds_sum{route="/livez",method="GET",status="200"}',
    0.002,
  ],
  [
    { name: 'request.unreadable', code: 'request_timeout' },
    'nebff_unreadable_requests_total{code="request_timeout"}',
  ],
  [{ name: 'log.dropped', count: 5 }, 'nebff_log_lines_dropped_total', 5],
]

for (const [event, sample, value = 1] of rows)
  test(`${JSON.stringify(event)} counts as ${sample}`, async (t) => {
    const { events, text } = createMetrics()
    t.ok(((await samplesOf(text)).get(sample) ?? 0) === 0)
    events(event)
    t.equal((await samplesOf(text)).get(sample), value)
    if (value === 1) {
      events(event)
      t.equal((await samplesOf(text)).get(sample), 2)
    }
  })

test('a time is counted in every bucket that holds it', async (t) => {
  const { events, text } = createMetrics()
  events({ name: 'quota.waited', seconds: 0.3 })
  const samples = await samplesOf(text)
  const bucket = (le: string) => samples.get(`nebff_quota_wait_seconds_bucket{le="${le}"}`)
  t.strictSame(['0.005', '0.25', '0.5', '10', '+Inf'].map(bucket), [0, 0, 1, 1, 1])
})

/** Written from docs/observability, where rates of these are drawn from the first minute on. */
test('what has few names is shown as 0 from the beginning', async (t) => {
  const samples = await samplesOf(createMetrics().text)
  for (const sample of [
    'nebff_verifications_landed_total{outcome="code"}',
    'nebff_verifications_landed_total{outcome="server_error"}',
    'nebff_receipts_total{outcome="issued"}',
    'nebff_receipts_total{outcome="failed"}',
    'nebff_verifications_expired_without_landing_total',
    'nebff_rate_limit_refusals_total{limit="address"}',
    'nebff_private_key_changes_total{key="next"}',
  ])
    t.equal(samples.get(sample), 0, sample)
})

test('the process and its event loop are measured too', async (t) => {
  const samples = await samplesOf(createMetrics().text)
  for (const name of [
    'process_resident_memory_bytes',
    'process_cpu_seconds_total',
    'nodejs_eventloop_lag_p99_seconds',
  ])
    t.ok(samples.has(name), name)
})

test('a gauge shows what is at the moment, and nothing where there is nothing', async (t) => {
  const { watch, text } = createMetrics()
  const present = {
    live: 3 as number | undefined,
    circuit: 'closed' as 'closed' | 'half-open' | 'open',
    files: [['VONAGE_PRIVATE_KEY', false]] as [string, boolean][],
    keys: [
      { kid: 'one', alg: 'ES256' },
      { kid: 'two', alg: 'EdDSA' },
    ],
  }
  watch({
    quotaWaiting: () => 4,
    liveStates: () => present.live,
    circuits: () => [
      ['network_enablement', 'closed'],
      ['token', present.circuit],
    ],
    jwksAgeSeconds: () => 61.5,
    applicationJwtAgeSeconds: () => undefined,
    keyFiles: () => present.files,
    receiptKeys: () => present.keys,
  })
  const before = await samplesOf(text)
  t.equal(before.get('nebff_quota_waiting'), 4)
  t.equal(before.get('nebff_live_states'), 3)
  t.equal(before.get('nebff_jwks_age_seconds'), 61.5)
  t.equal(before.get('nebff_application_jwt_age_seconds'), undefined)
  for (const call of ['network_enablement', 'token'])
    t.equal(before.get(`nebff_circuit_state{call="${call}"}`), 0)
  t.equal(before.get('nebff_private_key_file_faulty{setting="VONAGE_PRIVATE_KEY"}'), 0)
  t.equal(before.get('nebff_receipt_key_info{kid="one",alg="ES256",signs="true"}'), 1)
  t.equal(before.get('nebff_receipt_key_info{kid="two",alg="EdDSA",signs="false"}'), 1)
  present.files = [['VONAGE_PRIVATE_KEY', true]]
  present.keys.shift()
  const changed = await samplesOf(text)
  t.equal(changed.get('nebff_private_key_file_faulty{setting="VONAGE_PRIVATE_KEY"}'), 1)
  t.equal(changed.get('nebff_receipt_key_info{kid="one",alg="ES256",signs="true"}'), undefined)
  t.equal(changed.get('nebff_receipt_key_info{kid="two",alg="EdDSA",signs="true"}'), 1)
  present.live = undefined
  for (const [circuit, number] of [
    ['half-open', 1],
    ['open', 2],
  ] as const) {
    present.circuit = circuit
    const after = await samplesOf(text)
    t.equal(after.get('nebff_circuit_state{call="token"}'), number)
    t.equal(after.get('nebff_live_states'), undefined)
  }
})

test('messages are counted by country where the country is allowed, and the others together', async (t) => {
  const { events, text } = createMetrics(['44', '4915'])
  for (const callingCode of ['44', '49', '34', '1'])
    for (const name of ['sms.sent', 'sms.completed', 'sms.wrong'] as const) events({ name, callingCode })
  const samples = await samplesOf(text)
  for (const metric of ['nebff_sms_sent_total', 'nebff_sms_completed_total', 'nebff_sms_wrong_codes_total'])
    t.strictSame(
      ['44', '49', 'other', '34'].map((country) => samples.get(`${metric}{country="${country}"}`)),
      [1, 1, 2, undefined],
    )
})
