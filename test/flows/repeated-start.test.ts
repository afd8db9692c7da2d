/**
 * With Verify a number has one verification at a time. A user who taps twice, or a phone that repeats a start whose answer it lost, gets the
 * same URL, here and at another replica, and Vonage is asked once.
 */

import { connect } from 'node:net'
import { before, t as file, type Test, test } from 'tap'
import { finish, type IdentityProvider, openIdentityProvider, start } from '../support/app-client.ts'
import { productSettings } from '../support/fault-matrix.ts'
import { type FaultServer, good, landingIn, startFaultServer, status } from '../support/fault-server.ts'
import { fail } from '../support/must.ts'
import { assertProblem } from '../support/problem.ts'
import { call, requestBytes } from '../support/raw-http.ts'
import { redisMissing, startRedis } from '../support/redis-server.ts'
import { type HostedService, openServiceProcess, type ServiceProcess } from '../support/service-process.ts'

const number = '+447700900100'

let services: ServiceProcess
before(async () => {
  services = await openServiceProcess()
})
file.teardown(() => services.close())

interface Opened {
  vonage: FaultServer
  idp: IdentityProvider
  replicas: HostedService[]
}

async function open(t: Test, { count = 1, redisUrl = '' } = {}): Promise<Opened> {
  const idp = await openIdentityProvider(t)
  const vonage = await startFaultServer(t)
  const replicas: HostedService[] = []
  for (let n = 0; n < count; n++) {
    const service = await services.open({
      ...idp.settings,
      ...productSettings('verify', vonage.url),
      REDIS_URL: redisUrl,
      VONAGE_REQUESTS_PER_SECOND: '1000',
    })
    t.teardown(service.close)
    replicas.push(service)
    while ((await call(service.url, { target: '/readyz' })).status !== 200);
  }
  return { vonage, idp, replicas }
}

const nth = <T>(all: readonly T[], n: number): T => all[n % all.length] ?? fail()

for (const [where, count] of [
  ['in memory', 1],
  ['over two replicas', 2],
] as const)
  test(`a repeated start gets the same URL without a call, ${where}, until it is finished`, {
    skip: count > 1 && redisMissing,
  }, async (t) => {
    const redisUrl = count > 1 ? (await startRedis(t)).url : ''
    const { vonage, idp, replicas } = await open(t, { count, redisUrl })
    const alice = { token: idp.tokenOf('alice') }
    let first = await start(nth(replicas, 0).url, number, alice)
    // A machine busy with other tests may hand the first permit out too late: nothing has begun then.
    while (first.status === 503) first = await start(nth(replicas, 0).url, number, alice)
    t.equal(first.status, 200, first.body)
    for (let repeat = 1; repeat <= 4; repeat++) {
      const again = await start(nth(replicas, repeat).url, number, { token: idp.tokenOf('alice') })
      t.strictSame([again.status, again.body], [200, first.body])
    }
    t.equal(vonage.calls('verify_v2').length, 1)

    // Other callers and other numbers are none of its repeats.
    vonage.behave({ verify_v2: status(409) })
    const stranger = await start(nth(replicas, 1).url, number, { token: idp.tokenOf('bob') })
    assertProblem(t, stranger, 'verification_in_progress')
    t.equal(stranger.headers.get('retry-after'), '60')
    t.equal(vonage.calls('verify_v2').length, 2)
    vonage.behave({})
    const other = await start(nth(replicas, 1).url, '+447700900102', alice)
    t.not(other.body, first.body)
    t.equal(vonage.calls('verify_v2').length, 3)

    t.equal((await finish(nth(replicas, 1).url, landingIn(first.body, 'a-code'), alice)).status, 200)
    const next = await start(nth(replicas, 0).url, number, alice)
    t.equal(next.status, 200)
    t.not(next.body, first.body)
    t.equal(vonage.calls('verify_v2').length, 4)
  })

test('parallel starts of one caller for one number are one', async (t) => {
  const { vonage, idp, replicas } = await open(t)
  const url = nth(replicas, 0).url
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => start(url, number, { token: idp.tokenOf('alice') })),
  )
  t.equal(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size, 1)
  t.equal(nth(answers, 0).status, 200)
  t.equal(vonage.calls('verify_v2').length, 1)
})

test('after the 60 s of the silent step a start is a new one, and the former object is good for nothing', async (t) => {
  const { vonage, idp, replicas } = await open(t)
  const url = nth(replicas, 0).url
  const alice = { token: idp.tokenOf('alice') }
  const first = await start(url, number, alice)
  await services.advance(59_000)
  t.equal((await start(url, number, alice)).body, first.body)
  await services.advance(1000)
  const next = await start(url, number, alice)
  t.equal(next.status, 200)
  t.not(next.body, first.body)
  t.equal(vonage.calls('verify_v2').length, 2)
  assertProblem(t, await finish(url, landingIn(first.body, 'a-code'), alice), 'invalid_state')
  t.equal(vonage.calls('verify_v2_check').length, 0)
  t.equal((await finish(url, landingIn(next.body, 'a-code'), alice)).status, 200)
})

test('what Vonage no longer knows is not handed out again: after a code that was rejected a start is a new one', async (t) => {
  const { vonage, idp, replicas } = await open(t)
  const { url } = nth(replicas, 0)
  const alice = { token: idp.tokenOf('alice') }
  for (const gone of [404, 410]) {
    const first = await start(url, number, alice)
    vonage.behave({ verify_v2_check: status(gone) })
    assertProblem(t, await finish(url, landingIn(first.body, 'a-code'), alice), 'code_rejected')
    vonage.behave({})
    const next = await start(url, number, alice)
    t.equal(next.status, 200)
    t.not(next.body, first.body)
    t.equal((await finish(url, landingIn(next.body, 'a-code'), alice)).status, 200)
  }
  t.equal(vonage.calls('verify_v2').length, 4)
})

test('a failed start is no start: the next one asks again', async (t) => {
  const { vonage, idp, replicas } = await open(t)
  const url = nth(replicas, 0).url
  const alice = { token: idp.tokenOf('alice') }
  vonage.behave({ verify_v2: status(500) })
  assertProblem(t, await start(url, number, alice), 'upstream_invalid')
  vonage.behave({})
  t.equal((await start(url, number, alice)).status, 200)
  t.equal(vonage.calls('verify_v2').length, 2)
})

test('a start whose caller leaves goes on, and the repeat gets its URL', async (t) => {
  const { vonage, idp, replicas } = await open(t)
  const { url } = nth(replicas, 0)
  const token = idp.tokenOf('alice')
  const asked = Promise.withResolvers<() => void>()
  vonage.behave({
    verify_v2: (socket, request) => asked.resolve(() => good.verify_v2(socket, request)),
  })
  const phone = connect(Number(new URL(url).port), '127.0.0.1')
  phone.write(
    requestBytes({
      method: 'POST',
      target: '/v1/network-enablement',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ phone_number: number }),
    }),
  )
  const answer = await asked.promise
  phone.destroy()
  const repeated = start(url, number, { token })
  answer()
  const { status, body } = await repeated
  t.equal(status, 200)
  t.equal(vonage.calls('verify_v2').length, 1)
  t.equal((await finish(url, landingIn(body, 'a-code'), { token })).status, 200)
})
