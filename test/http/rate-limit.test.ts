/** The four limits: what each counts, where it stands in a request, and what its answers tell. */
import { test } from 'tap'
import { createMemoryCounters } from '../../src/store/memory-counters.ts'
import { createFakeClock } from '../support/clock.ts'
import {
  type LimitedServer,
  numberOf,
  openLimitedServer,
  rateLimitFields,
} from '../support/limited-server.ts'
import { fail } from '../support/must.ts'
import { assertProblem } from '../support/problem.ts'
import { finishPath, openPublicServer } from '../support/public-server.ts'

const callback = { target: `/v1/network-enablement/callback?code=c&state=${'s'.repeat(43)}` }
const finishAs = (subject: string) => ({
  method: 'POST',
  target: finishPath,
  headers: { authorization: `Bearer token-of-${subject}`, 'content-type': 'application/json' },
  body: '{"code":"c","state":"s"}',
})

const minuteMs = 60_000

/** [limit, quotas, the n-th request that it counts, one that it does not count, its name, its window in seconds] */
const limits = [
  {
    name: 'address',
    quotas: { addressPerMinute: 3 },
    seconds: 60,
    counted: ({ send }: LimitedServer) => send(callback),
    uncounted: ({ send }: LimitedServer) => send({ target: '/livez' }),
  },
  {
    name: 'caller',
    quotas: { callerPerMinute: 3 },
    seconds: 60,
    counted: ({ send }: LimitedServer) => send(finishAs('alice')),
    uncounted: ({ send }: LimitedServer) => send(finishAs('bob')),
  },
  {
    name: 'number',
    quotas: { numberPerHour: 3 },
    seconds: 3600,
    counted: ({ start }: LimitedServer, n: number) => start(`caller-${n}`, numberOf(0)),
    uncounted: ({ start }: LimitedServer) => start('caller-0', numberOf(1)),
  },
  {
    name: 'distinct-numbers',
    quotas: { distinctNumbersPerDay: 3 },
    seconds: 86_400,
    counted: ({ start }: LimitedServer, n: number) => start('alice', numberOf(n)),
    uncounted: ({ start }: LimitedServer) => start('bob', numberOf(9)),
  },
] as const

for (const { name, quotas, seconds, counted, uncounted } of limits) {
  test(`the limit by ${name} lets 3 of 4 through, and the fourth again after its window`, async (t) => {
    const server = await openLimitedServer(t, quotas)
    for (let n = 0; n < 3; n++) t.equal((await counted(server, n)).status, 200)
    server.clock.advance(7_500)
    const refused = await counted(server, 3)
    assertProblem(t, refused, 'rate_limited')
    const leftSeconds = seconds - 7
    t.strictSame(rateLimitFields(t, refused), [
      `"${name}";q=3;w=${seconds}`,
      `"${name}";r=0;t=${leftSeconds}`,
    ])
    t.equal(refused.headers.get('retry-after'), String(Math.min(60, leftSeconds)))
    t.equal((await uncounted(server)).status, 200)
    server.clock.advance(seconds * 1000 - 7_501)
    const last = await counted(server, 3)
    assertProblem(t, last, 'rate_limited')
    t.equal(last.headers.get('retry-after'), '1')
    server.clock.advance(1)
    t.equal((await counted(server, 3)).status, 200)
  })

  test(`the limit by ${name} is off when it is 0, and says nothing`, async (t) => {
    const server = await openLimitedServer(t, {})
    for (let n = 0; n < 10; n++) {
      const answer = await counted(server, n)
      t.equal(answer.status, 200)
      t.strictSame(rateLimitFields(t, answer), [null, null])
    }
  })

  test(`a refusal by ${name} reaches nobody, and its log line says which limit it was`, async (t) => {
    const server = await openLimitedServer(t, quotas)
    for (let n = 0; n < 3; n++) await counted(server, n)
    server.forget()
    await counted(server, 3)
    t.strictSame([server.starts, server.finishes], [[], []])
    const [entry] = server.log.entries().filter(({ msg }) => msg === 'request')
    t.strictSame([entry?.status, entry?.code, entry?.note], [429, 'rate_limited', name])
  })
}

test('every answer to a caller within the limit tells what is left', async (t) => {
  const { start, send, clock } = await openLimitedServer(t, {
    callerPerMinute: 3,
    addressPerMinute: 100,
    numberPerHour: 9,
    distinctNumbersPerDay: 9,
  })
  const policy = '"caller";q=3;w=60'
  t.strictSame(rateLimitFields(t, await start('alice', numberOf(0))), [policy, '"caller";r=2;t=60'])
  clock.advance(20_000)
  t.strictSame(rateLimitFields(t, await send(finishAs('alice'))), [policy, '"caller";r=1;t=40'])
  t.strictSame(rateLimitFields(t, await start('alice', 'no number')), [policy, '"caller";r=0;t=40'])
  t.strictSame(
    rateLimitFields(t, await send(callback)),
    [null, null],
    'the address limit is silent until it bites',
  )
})

test('no answer tells what others asked about a number', async (t) => {
  const { start, clock } = await openLimitedServer(t, {
    callerPerMinute: 20,
    numberPerHour: 10,
    distinctNumbersPerDay: 3,
  })
  for (let n = 0; n < 9; n++) await start(`other-${n}`, numberOf(0))
  clock.advance(minuteMs)
  const fields = (answer: Awaited<ReturnType<typeof start>>) =>
    answer.lines.filter((line) => !/^(x-request-id|date):/i.test(line)).concat(answer.body)
  const popular = fields(await start('alice', numberOf(0)))
  t.strictSame(fields(await start('bob', numberOf(1))), popular)
})

test('a bad token is counted by address alone, and before it is looked at', async (t) => {
  const quotas = { addressPerMinute: 5, callerPerMinute: 1, numberPerHour: 1, distinctNumbersPerDay: 1 }
  const { start, send, starts } = await openLimitedServer(t, quotas)
  const badToken = { authorization: 'Bearer of-nobody' }
  for (let n = 0; n < 3; n++) assertProblem(t, await start('alice', numberOf(0), badToken), 'invalid_token')
  const none = { ...finishAs('alice'), headers: { 'content-type': 'application/json' } }
  assertProblem(t, await send(none), 'missing_token')
  t.equal((await start('alice', numberOf(0))).status, 200, 'neither caller nor number was counted')
  assertProblem(t, await start('alice', numberOf(0), badToken), 'rate_limited')
  t.equal(starts.length, 1)
})

test('a caller over its limit is refused before its number is counted', async (t) => {
  const { start } = await openLimitedServer(t, {
    callerPerMinute: 1,
    numberPerHour: 2,
    distinctNumbersPerDay: 1,
  })
  t.equal((await start('alice', numberOf(0))).status, 200)
  for (let n = 0; n < 5; n++) {
    const [policy] = rateLimitFields(t, await start('alice', numberOf(0)))
    t.equal(policy, '"caller";q=1;w=60')
  }
  t.equal((await start('bob', numberOf(0))).status, 200)
})

test('a body that does not fit, or a number that is none, is counted by caller and not by number', async (t) => {
  const { start, send, clock } = await openLimitedServer(t, { callerPerMinute: 4, distinctNumbersPerDay: 1 })
  for (const number of ['12345678', '+0123456789', '+990'])
    t.equal((await start('alice', number)).status, 200)
  assertProblem(t, await send({ ...finishAs('alice'), target: '/v1/network-enablement' }), 'invalid_request')
  assertProblem(t, await start('alice', numberOf(0)), 'rate_limited')
  clock.advance(minuteMs)
  t.equal((await start('alice', numberOf(0))).status, 200)
  assertProblem(t, await start('alice', numberOf(1)), 'rate_limited')
})

test('3 different numbers pass, the fourth is refused, the known ones go on, and nobody else is affected', async (t) => {
  const { start, starts } = await openLimitedServer(t, { distinctNumbersPerDay: 3 })
  const asked = [0, 1, 0, 2, 3, 4, 0, 1, 2, 5, 3]
  const statuses = []
  for (const n of asked) statuses.push((await start('alice', numberOf(n))).status)
  t.strictSame(statuses, [200, 200, 200, 200, 429, 429, 200, 200, 200, 429, 429])
  t.equal((await start('bob', numberOf(3))).status, 200)
  t.equal(
    new Set(
      starts.filter(({ caller }) => caller.subject === 'alice').map(({ request }) => request.phoneNumber),
    ).size,
    3,
  )
})

test('a subject that asks about 100 numbers from anywhere reaches Vonage with 3', async (t) => {
  const { start, starts } = await openLimitedServer(t, { distinctNumbersPerDay: 3 }, ['127.0.0.1'])
  for (let n = 0; n < 100; n++)
    await start('alice', numberOf(n), { 'x-forwarded-for': `198.51.100.${n}`, 'user-agent': `agent-${n}` })
  t.equal(starts.length, 3)
})

test('nothing is counted under its own name', async (t) => {
  const keys: string[] = []
  const counters = createMemoryCounters({ clock: createFakeClock() })
  const { url } = await openPublicServer(t, {
    rateLimits: {
      counters: {
        hit(key, windowMs) {
          keys.push(key)
          return counters.hit(key, windowMs)
        },
        admit(key, member, max, windowMs) {
          keys.push(key, member)
          return counters.admit(key, member, max, windowMs)
        },
      },
      digest: (text) => `digest-of-${text.length}`,
      events: () => {},
      addressPerMinute: 1,
      callerPerMinute: 1,
      numberPerHour: 1,
      smsPerNumberPerHour: 1,
      distinctNumbersPerDay: 1,
    },
  })
  const headers = { authorization: 'Bearer good-token', 'content-type': 'application/json' }
  await fetch(`${url}/v1/network-enablement`, {
    method: 'POST',
    headers,
    body: '{"phone_number":"+99012345678"}',
  })
  t.strictSame(keys, [
    'address:digest-of-9',
    'caller:pseudonym-ecila',
    'distinct-numbers:pseudonym-ecila',
    'digest-of-12',
    'number:digest-of-12',
  ])
})

for (const [limit, quotas, again] of [
  ['address', { addressPerMinute: 1 }, 1],
  ['caller', { callerPerMinute: 1 }, 1],
  ['number', { numberPerHour: 1 }, 1],
  ['distinct-numbers', { distinctNumbersPerDay: 1 }, 2],
] as const)
  test(`a refusal by the limit ${limit} is an event, and nothing else is`, async (t) => {
    const { start, seen } = await openLimitedServer(t, quotas)
    await start('alice', numberOf(1))
    t.strictSame(seen, [])
    assertProblem(t, await start('alice', numberOf(again)), 'rate_limited')
    t.strictSame(seen, [{ name: 'rate_limit.refused', limit }])
  })

test('a start that a message may follow is counted as one, and is not refused for it', async (t) => {
  const asked: boolean[] = []
  const server = await openLimitedServer(t, { smsPerNumberPerHour: 2 }, [], {
    async start(_caller, _request, _correlation, _work, mayMessage) {
      asked.push((await mayMessage?.()) === true)
      return { authUrl: 'https://operator.example/', requiresCarrierNetwork: true }
    },
    land: () => {},
    finish: () => fail('a start finishes nothing'),
  })
  for (const caller of ['alice', 'bob', 'carol', 'dave'])
    t.equal((await server.start(caller, '+447700900200')).status, 200)
  t.equal((await server.start('alice', '+447700900201')).status, 200)
  t.strictSame(asked, [true, true, false, false, true])
  t.strictSame(server.seen, [])
})
