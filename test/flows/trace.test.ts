/** One verification as an operator sees it in a collector: phone, service, Vonage and Redis in one trace, and nothing personal in it. */
import { test } from 'tap'
import { openCollector } from '../support/collector.ts'
import { fail } from '../support/must.ts'
import { redisMissing, startRedis } from '../support/redis-server.ts'
import { finishPath, openAuthUrl, openWorld, startPath } from '../support/service.ts'
import { traceparent } from '../support/spans.ts'

const [, traceId, phonesSpan] = traceparent.split('-')

test('a verification is one trace, from the phone through the service to Vonage', {
  skip: redisMissing,
}, async (t) => {
  const collector = await openCollector(t)
  const redis = await startRedis(t)
  const closing: (() => Promise<void>)[] = []
  const world = await openWorld((close) => void closing.push(close), {
    REDIS_URL: redis.url,
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin,
    OTEL_SERVICE_NAME: 'a-service',
  })
  const token = await world.tokenOf('alice')
  const post = (path: string, body: string) =>
    world.send(world.service.url + path, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        traceparent,
        'x-request-id': 'a-request',
      },
      body,
    })
  const started = await post(startPath, '{"phone_number":"+99012345678"}')
  const landed = await openAuthUrl(String(started.body.auth_url))
  const finished = await post(finishPath, landed.text)
  t.equal(finished.body.phone_number_verified, true)
  for (const close of closing) await close()

  const ours = collector.spans.filter((span) => span.traceId === traceId)
  const byName = (name: string) => ours.find((span) => span.name === name) ?? fail(name)
  const [start, finish] = [byName(`POST ${startPath}`), byName(`POST ${finishPath}`)]
  for (const server of [start, finish]) t.equal(server.parentSpanId, phonesSpan)
  for (const [name, parent] of [
    ['vonage network_enablement', start],
    ['redis state.put', start],
    ['redis state.take', finish],
    ['vonage token', finish],
    ['vonage verify', finish],
    ['redis state.keepResult', finish],
  ] as const)
    t.equal(byName(name).parentSpanId, parent.spanId, name)
  t.equal(byName('vonage verify').attributes['http.response.status_code'], 200)
  for (const { resource } of ours) t.equal(resource['service.name'], 'a-service')

  const calls = world.simulator.received()
  for (const [path, name] of [
    ['/v0.1/network-enablement', 'vonage network_enablement'],
    ['/oauth2/token', 'vonage token'],
    ['/camara/number-verification/v031/verify', 'vonage verify'],
  ] as const) {
    const received = calls.find((received) => received.path === path)
    t.equal(received?.headers.traceparent, `00-${traceId}-${byName(name).spanId}-01`)
    t.equal(received?.headers['x-correlator'], name === 'vonage verify' ? 'a-request' : undefined)
  }

  const { code = '', state = '' } = landed.body
  const sent = collector.bodies.join()
  for (const secret of ['99012345678', code, state, token, '?']) t.ok(secret !== '' && !sent.includes(secret))
})

test('without a collector the trace of the phone goes on to Vonage as it came', async (t) => {
  const world = await openWorld((close) => t.teardown(close))
  const headers = {
    authorization: `Bearer ${await world.tokenOf('alice')}`,
    'content-type': 'application/json',
    traceparent,
  }
  await world.send(world.service.url + startPath, {
    method: 'POST',
    headers,
    body: '{"phone_number":"+99012345678"}',
  })
  t.equal(world.simulator.received().at(-1)?.headers.traceparent, traceparent)
})
