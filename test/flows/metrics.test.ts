/** What an operator reads after a known day: every number of the virtual operator once, and some requests that go no further. */
import { type Test, test } from 'tap'
import { countsOf } from '../support/metrics.ts'
import { expectations, verify } from '../support/number-expectations.ts'
import { call } from '../support/raw-http.ts'
import { redisMissing, startRedis } from '../support/redis-server.ts'
import { openWorld, startPath } from '../support/service.ts'

/** The OAuth errors of the redirects, by number; all other landings have a code. */
const landedErrors: Record<string, string> = {
  '+99011111199': 'server_error',
  '+990000001020': 'access_denied',
  '+990000001021': 'temporarily_unavailable',
  '+990000001022': 'server_error',
  '+990555000199': 'server_error',
}
/** Its redirect has a state that is not ours, so that the right device never comes back, and nothing counts as landed. */
const lost = '+990000001023'
/** Codes that Vonage never answers to, or refuses: no check follows. */
const exchangesOnly = ['+990000001030', '+990000001031', '+990000001032', '+990000001033', '+990000001035']
/** Its connection is cut before a byte comes back, so the start is sent once more. */
const repeated = '+990000001016'
/** How Vonage answers a call, where it is not with a 2xx. */
const upstreamOutcomes: Record<string, string> = {
  '+990000001008': '4xx',
  '+990000001009': '4xx',
  '+990000001010': '5xx',
  '+990000001011': '5xx',
  '+990000001013': 'broken',
  '+990000001014': '3xx',
  '+990000001016': 'broken',
  '+990000001017': 'broken',
  '+990000001030': '4xx',
  '+990000001031': '4xx',
  '+990000001032': '5xx',
  '+990000001035': 'broken',
  '+990000001041': '4xx',
  '+990000001042': '4xx',
  '+990000001043': '4xx',
  '+990000001044': '4xx',
  '+990000001045': '5xx',
  '+990000001046': '5xx',
  '+990000001047': '5xx',
  '+990000001051': 'broken',
}

/** Every sample that is not 0, apart from times. */
function expectedCounts(): Map<string, number> {
  const counts = new Map<string, number>()
  const count = (sample: string) => counts.set(`nebff_${sample}`, (counts.get(`nebff_${sample}`) ?? 0) + 1)
  const countCall = (call: string, outcome = '2xx') =>
    count(`upstream_request_duration_seconds_count{call="${call}",outcome="${outcome}"}`)
  for (const [number, [step, outcome]] of Object.entries(expectations)) {
    const country = number.startsWith('+44') ? '44' : '990'
    count(`verifications_started_total{country="${country}"}`)
    for (let sent = 0; sent < (number === repeated ? 2 : 1); sent++) {
      count('quota_wait_seconds_count')
      countCall('network_enablement', step === 'start' ? upstreamOutcomes[number] : '2xx')
    }
    if (typeof outcome === 'string') count(`verifications_failed_total{step="${step}",code="${outcome}"}`)
    if (step === 'start') continue
    count(`verifications_url_issued_total{country="${country}"}`)
    if (number === lost) continue
    count(`verifications_landed_total{outcome="${landedErrors[number] ?? 'code'}"}`)
    if (step !== 'finish') continue
    const exchangeOnly = exchangesOnly.includes(number)
    countCall('token', exchangeOnly ? upstreamOutcomes[number] : '2xx')
    if (!exchangeOnly) countCall('verify', upstreamOutcomes[number])
    if (typeof outcome === 'boolean')
      count(`verifications_finished_total{country="990",result="${outcome ? 'match' : 'mismatch'}"}`)
  }
  return counts
}

const isCounted = ([sample, value]: [string, number]) =>
  value !== 0 && !/_(sum|bucket)(\{|$)|_age_seconds|_live_states|http_request/.test(sample)

async function seesTheExactCounts(t: Test, settings: Record<string, string> = {}) {
  const world = await openWorld((close) => t.teardown(close), settings)
  const { managementUrl } = world.service
  for (const number of Object.keys(expectations))
    await verify(world, await world.tokenOf(`caller-${number.slice(1)}`), number)
  const counts = await countsOf(managementUrl)
  t.strictSame(new Map([...counts].filter(isCounted).sort()), new Map([...expectedCounts()].sort()))
  return { world, counts }
}

test('every number of the virtual operator is counted exactly, with state in memory', async (t) => {
  const { world, counts } = await seesTheExactCounts(t)
  const { managementUrl, url } = world.service
  const steps = Object.values(expectations).map(([step]) => step)
  const issued = steps.filter((step) => step !== 'start').length
  const finished = steps.filter((step) => step === 'finish').length
  t.equal(counts.get('nebff_live_states'), issued - finished)
  t.equal(counts.get('nebff_quota_waiting'), 0)
  for (const name of ['jwks', 'application_jwt']) {
    const age = counts.get(`nebff_${name}_age_seconds`) ?? Number.NaN
    t.ok(age >= 0 && age < 60, name)
  }

  const token = await world.tokenOf('alice')
  const landing = await world.landingOf(token, '+99012345678')
  await world.finish(token, landing)
  await world.finish(token, landing)
  await world.finish(token, { ...landing, more: 1 })
  await world.send(`${url}${startPath}`, { method: 'POST' })
  await world.start(token, 'not a number')
  await call(url, { target: '/nowhere' })
  const after = await countsOf(managementUrl)
  const rise = (sample: string) => (after.get(`nebff_${sample}`) ?? 0) - (counts.get(`nebff_${sample}`) ?? 0)
  t.equal(rise('verifications_repeated_total'), 1)
  t.equal(rise('verifications_finished_total{country="990",result="match"}'), 1)
  t.equal(rise('verifications_failed_total{step="finish",code="invalid_request"}'), 1)
  t.equal(rise('verifications_failed_total{step="start",code="missing_token"}'), 1)
  t.equal(rise('verifications_failed_total{step="start",code="invalid_phone_number"}'), 1)
  t.equal(rise('verifications_started_total{country="990"}'), 1)
  t.equal(rise('http_request_duration_seconds_count{route="none",method="none",status="404"}'), 1)
  t.equal(rise(`http_request_duration_seconds_count{route="${startPath}",method="POST",status="200"}`), 1)

  // What is lost and what never finished its landing: one device. Its time passes by the clock of the process.
  const nowMs = performance.now.bind(performance)
  t.intercept(performance, 'now', { value: () => nowMs() + 400_000 })
  const later = await countsOf(managementUrl)
  t.equal(later.get('nebff_verifications_expired_without_landing_total'), 1)
  t.equal(later.get('nebff_live_states'), 0)
})

test('and with state in Redis', { skip: redisMissing }, async (t) => {
  const redis = await startRedis(t)
  const { counts } = await seesTheExactCounts(t, { REDIS_URL: redis.url })
  t.equal(counts.get('nebff_live_states'), undefined)
})
