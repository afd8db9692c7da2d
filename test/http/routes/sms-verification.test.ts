/** Codes by text message at the HTTP edge, over the real core and the real limits: what is sent, refused, and finished with. */
import { type Test, test } from 'tap'
import { ServiceFailure } from '../../../src/core/failures.ts'
import { createSmsVerification } from '../../../src/core/sms-verification.ts'
import { createVerification } from '../../../src/core/verification.ts'
import { createMemoryStore } from '../../../src/store/memory.ts'
import { createMemoryTypedCodes } from '../../../src/store/memory-typed-codes.ts'
import { createFakeClock } from '../../support/clock.ts'
import { openLimitedServer, type Quotas } from '../../support/limited-server.ts'
import { assertProblem, assertSafeHeaders } from '../../support/problem.ts'
import { finishPath } from '../../support/public-server.ts'
import { createScriptedOperator } from '../../support/scripted-operator.ts'
import { unobserved } from '../../support/unobserved.ts'

const smsPath = '/v1/sms-verification'
const number = '+447700900200'

async function setUp(t: Test, quotas: Quotas = {}, callingCodes: string[] = []) {
  const clock = createFakeClock()
  const sent: string[] = []
  const operator = {
    ...createScriptedOperator({}),
    async checkCode({ code }: { code: string }) {
      if (code !== '123456') throw new ServiceFailure('wrong_code')
      return true
    },
  }
  const verification = createVerification({
    ...unobserved,
    operator,
    store: createMemoryStore({ ttlSeconds: 300, maxEntries: 99, maxPerCaller: 5, clock }),
    sms: createSmsVerification({
      sender: {
        async sendCode({ phoneNumber }, admit) {
          await admit()
          sent.push(phoneNumber.reveal())
          return { requestId: 'an-id' }
        },
      },
      operator,
      codes: createMemoryTypedCodes({ lifetimeSeconds: 300, clock }),
      events: unobserved.events,
      codeLength: 6,
    }),
    scopes: ['a-scope'],
    callingCodes,
    ownNumberOnly: false,
  })
  const server = await openLimitedServer(t, quotas, [], verification)
  const post = (target: string, subject: string, body: unknown) =>
    server.send({
      method: 'POST',
      target,
      headers: { authorization: `Bearer token-of-${subject}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  const ask = (subject = 'alice', phoneNumber = number) =>
    post(smsPath, subject, { phone_number: phoneNumber })
  const finish = (code: string, state: string, subject = 'alice') =>
    post(finishPath, subject, { code, state })
  return { ...server, clock, sent, post, ask, finish }
}

test('a message is sent, and the app learns exactly what it needs', async (t) => {
  const { ask, sent, log } = await setUp(t)
  const answer = await ask()
  t.equal(answer.status, 200)
  t.match(answer.body, /^\{"state":"[\w-]{43}","code_length":6,"expires_in":300\}$/)
  assertSafeHeaders(t, answer)
  t.strictSame(sent, [number])
  const [line] = log.entries()
  t.strictSame([line?.route, line?.country], [smsPath, '44'])
  t.ok(!JSON.stringify(line).includes('7700900200'))
})

test('the code that the user types finishes, once, and the answer is repeated byte for byte', async (t) => {
  const { ask, finish } = await setUp(t)
  const { state } = JSON.parse((await ask()).body)
  assertProblem(t, await finish('000000', state), 'wrong_code')
  assertProblem(t, await finish('123456', state, 'bob'), 'invalid_state')
  const answer = await finish('123456', state)
  t.equal(answer.body, `{"phone_number":"${number}","phone_number_verified":true}`)
  t.equal((await finish('123456', state)).body, answer.body)
  assertProblem(t, await finish('654321', state), 'invalid_state')
})

test('the third wrong code ends it, and the right one comes too late', async (t) => {
  const { ask, finish } = await setUp(t)
  const { state } = JSON.parse((await ask()).body)
  for (const code of ['1111', '2222']) assertProblem(t, await finish(code, state), 'wrong_code')
  assertProblem(t, await finish('3333', state), 'code_rejected')
  assertProblem(t, await finish('123456', state), 'code_rejected')
})

test('what is no number, not allowed, or virtual sends nothing', async (t) => {
  const { ask, post, sent } = await setUp(t, {}, ['44', '990'])
  assertProblem(t, await ask('alice', 'hello'), 'invalid_phone_number')
  assertProblem(t, await ask('alice', '+34600000001'), 'country_not_supported')
  assertProblem(t, await ask('alice', '+99012345678'), 'network_not_supported')
  assertProblem(t, await post(smsPath, 'alice', {}), 'invalid_request')
  assertProblem(
    t,
    await post(smsPath, 'alice', { phone_number: number, scope: 'a-scope' }),
    'invalid_request',
  )
  t.strictSame(sent, [])
})

test('50 callers get so many messages to one number as the limit says, and a repeat costs none', async (t) => {
  const { ask, sent, clock, seen } = await setUp(t, { smsPerNumberPerHour: 3 })
  const answers = []
  for (let n = 0; n < 50; n++) {
    answers.push((await ask(`caller-${n}`)).status)
    if (n < 3) t.equal((await ask(`caller-${n}`)).status, 200)
  }
  t.equal(answers.filter((status) => status === 200).length, 3)
  t.equal(sent.length, 3)
  const refused = await ask('caller-9')
  assertProblem(t, refused, 'rate_limited')
  t.equal(refused.headers.get('retry-after'), '60')
  t.match(refused.headers.get('ratelimit') ?? '', /^"sms";r=0;t=\d+$/)
  t.equal(refused.headers.get('ratelimit-policy'), '"sms";q=3;w=3600')
  t.ok(seen.some((event) => event.name === 'rate_limit.refused' && event.limit === 'sms'))
  clock.advance(60_000)
  assertProblem(t, await ask('caller-1'), 'rate_limited')
})

test('the limits by caller, number and distinct numbers hold for messages too', async (t) => {
  for (const [quotas, times] of [
    [{ callerPerMinute: 2 }, 2],
    [{ numberPerHour: 2 }, 2],
  ] as const) {
    const { ask } = await setUp(t, quotas)
    for (let n = 0; n < times; n++) t.equal((await ask()).status, 200)
    assertProblem(t, await ask(), 'rate_limited')
  }
  const { ask, sent } = await setUp(t, { distinctNumbersPerDay: 3 })
  for (let n = 0; n < 50; n++) await ask('alice', `+4477009002${String(n).padStart(2, '0')}`)
  t.equal(sent.length, 3)
})

test('without messages the route is not there', async (t) => {
  const { send } = await openLimitedServer(t, {})
  const headers = { authorization: 'Bearer token-of-alice', 'content-type': 'application/json' }
  const request = { method: 'POST', target: smsPath, headers, body: `{"phone_number":"${number}"}` }
  assertProblem(t, await send(request), 'not_found')
})
