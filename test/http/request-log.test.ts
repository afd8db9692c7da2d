/** The request log: one line per request, made of the route and the outcome, and of nothing that a phone sent. */
import { beforeEach, t as file, test } from 'tap'
import { type FailureCode, ServiceFailure } from '../../src/core/failures.ts'
import { openCalmServer } from '../support/calm-server.ts'
import { codes, contract } from '../support/problem.ts'
import { appHeaders, finishPath, startPath, startWith } from '../support/public-server.ts'
import { call } from '../support/raw-http.ts'
import { traceparent } from '../support/spans.ts'
import { callerOf, recordEvents } from '../support/unobserved.ts'

let failure: unknown
const { events, seen } = recordEvents()
const { url, log, forget } = await openCalmServer(file, {
  events,
  verification: {
    async start() {
      if (failure) throw failure
      return { authUrl: 'https://operator.example/canary', requiresCarrierNetwork: true }
    },
    land: () => {},
    finish: () => Promise.reject(failure),
  },
})
beforeEach(() => {
  failure = undefined
  forget()
  seen.splice(0)
})

const goodStart = startWith({ phone_number: '+99012345678' })

test('a request is one line with its id, method, route, status, duration, caller and country', async (t) => {
  await call(url, { ...goodStart, headers: { ...appHeaders, 'x-request-id': 'an-id' } })
  const [{ duration_ms, time, ...line } = {}, ...more] = log.entries()
  t.equal(more.length, 0)
  t.equal(typeof duration_ms, 'number')
  t.equal(typeof time, 'string')
  t.strictSame(line, {
    level: 'info',
    request_id: 'an-id',
    method: 'POST',
    route: startPath,
    status: 200,
    caller: callerOf('alice').pseudonym,
    country: '990',
    msg: 'request',
  })
})

test('a line names the trace of its caller', async (t) => {
  for (const header of [traceparent, `${traceparent}-canary`])
    await call(url, { ...goodStart, headers: { ...appHeaders, traceparent: header } })
  t.strictSame(
    log.entries().map(({ trace_id }) => trace_id),
    [traceparent.split('-')[1], undefined],
  )
})

for (const [body, country] of [
  [{ phone_number: '+447700900123' }, '44'],
  [{ phone_number: '00447700900123' }, undefined],
  [{ phone_number: 447700900123 }, undefined],
  [{}, undefined],
  ['null', undefined],
  ['', undefined],
] as const)
  test(`the country of a start with ${JSON.stringify(body)} is ${country}`, async (t) => {
    await call(url, startWith(body))
    t.equal(log.entries()[0]?.country, country)
  })

test('the landing page is logged with the id that the phone gives its walk, when it is one', async (t) => {
  const id = '0f8fad5b-d9cb-469f-a165-70867728950e'
  for (const header of [id, id.toUpperCase(), `${id}0`, 'canary +99012345678'])
    await call(url, {
      target: `${startPath}/callback?code=a&state=b`,
      headers: { 'x-silentauth-sdk-request': header },
    })
  await call(url, { target: '/livez', headers: { 'x-silentauth-sdk-request': id } })
  t.strictSame(
    log.entries().map(({ sdk_request_id }) => sdk_request_id),
    [id, id.toUpperCase(), undefined, undefined, undefined],
  )
})

test('a probe that is well is only worth a line at level debug', async (t) => {
  await call(url, { target: '/livez' })
  t.equal(log.entries()[0]?.level, 'debug')
})

test('what was answered is an event, by template, method and status', async (t) => {
  await call(url, goodStart)
  await call(url, { target: `${startPath}/callback?canary=1` })
  await call(url, { target: '/canary', method: 'DELETE' })
  const answered = seen.flatMap((event) => (event.name === 'request.answered' ? [event] : []))
  for (const { seconds } of answered) t.ok(seconds > 0 && seconds < 5)
  t.strictSame(
    answered.map(({ route, method, status }) => [route, method, status]),
    [
      [startPath, 'POST', 200],
      [`${startPath}/callback`, 'GET', 400],
      ['none', 'none', 404],
    ],
  )
})

test('a step that fails is an event with its code, and no other route is a step', async (t) => {
  failure = new ServiceFailure('invalid_state')
  await call(url, { ...goodStart, target: finishPath, body: '{"code":"a","state":"b"}' })
  await call(url, { ...goodStart, headers: {} })
  await call(url, { target: `${startPath}/callback` })
  await call(url, { target: '/nowhere' })
  t.strictSame(
    seen.filter(({ name }) => name !== 'request.answered'),
    [
      { name: 'verification.failed', step: 'finish', code: 'invalid_state' },
      { name: 'verification.failed', step: 'start', code: 'missing_token' },
      { name: 'verification.failed', step: 'landing', code: 'invalid_state' },
    ],
  )
})

for (const code of codes)
  test(`a request that ends with ${code} is one line that names it`, async (t) => {
    failure = new ServiceFailure(code, { note: 'a note', cause: new Error('canary') })
    await call(url, goodStart)
    const [line, ...more] = log.entries()
    t.equal(more.length, 0)
    const alarming: FailureCode[] = ['internal', 'upstream_refused']
    t.equal(line?.level, alarming.includes(code) ? 'error' : 'info')
    t.equal(line?.code, code)
    t.equal(line?.note, 'a note')
    t.equal(line?.status, contract[code][0])
    t.equal(line?.err?.name, 'Error')
    t.notMatch(log.lines.join(), /canary/)
  })

test('a request without a route is a line that does not repeat its URL', async (t) => {
  await call(url, { target: '/canary?canary=1' })
  const [line] = log.entries()
  t.equal(line?.route, 'none')
  t.equal(line?.code, 'not_found')
  t.notMatch(log.lines.join(), /canary/)
})

test('a request with a malformed URL is a line too', async (t) => {
  await call(url, { target: '/%zz/canary' })
  const [line, ...more] = log.entries()
  t.equal(more.length, 0)
  t.equal(line?.status, 400)
  t.equal(line?.code, 'invalid_request')
  t.notMatch(log.lines.join(), /canary/)
})

test('a line names the route and never the query', async (t) => {
  await call(url, { target: `${startPath}/callback?code=canary-code&state=canary-state&canary=1` })
  t.equal(log.entries()[0]?.route, `${startPath}/callback`)
  t.notMatch(log.lines.join(), /canary/)
})

test('nothing that a phone sends is written at the level trace, whatever comes of it', async (t) => {
  const secret = 'canary-4912345678901'
  const headers = {
    ...appHeaders,
    cookie: secret,
    'user-agent': secret,
    referer: secret,
    'x-forwarded-for': secret,
    'x-request-id': `${secret} `.repeat(9),
  }
  const bodies = [
    { phone_number: secret },
    { phone_number: [secret] },
    { phone_number: '+99012345678', [secret]: secret },
    { phone_number: '+99012345678', scope: [secret] },
    { code: secret, state: secret },
    secret,
  ]
  for (const target of [startPath, finishPath, `${startPath}?${secret}`, `/${secret}`, '/livez'])
    for (const body of bodies)
      for (const authorization of [appHeaders.authorization, `Bearer ${secret}`, secret]) {
        failure = Object.assign(new Error(secret), { code: 'EPIPE', [secret]: secret })
        await call(url, { ...startWith(body), target, headers: { ...headers, authorization } })
      }
  t.equal(log.lines.length, 5 * 6 * 3)
  for (const line of log.lines) t.notMatch(line, /canary|4912345678901|99012345678|good-token/)
})
