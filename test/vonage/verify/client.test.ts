/** The client of Verify v2 against a local HTTP server in Vonage's place: how often it calls, and what a repeat gets. */
import { test } from 'tap'
import { ServiceFailure } from '../../../src/core/failures.ts'
import { parsePhoneNumber } from '../../../src/core/phone-number.ts'
import { rejectsWith } from '../../support/failure.ts'
import { fail } from '../../support/must.ts'
import { assertBetween, slackMs } from '../../support/raw-transport.ts'
import { checkUrl, message, requestId, setUpVerify } from '../../support/verify-client.ts'
import type { Script } from '../../support/vonage-server.ts'

const begun = { status: 202, body: { request_id: requestId, check_url: checkUrl } }
const completed = { status: 200, body: { request_id: requestId, status: 'completed' } }
const url = { authUrl: checkUrl, requiresCarrierNetwork: true }
const other = parsePhoneNumber('+447700900201') ?? fail()

test('a start is kept under the name that Vonage gave it, for the minute that Vonage holds it open', async (t) => {
  const { start, kept, calls } = await setUpVerify(t, () => begun)
  t.strictSame(await start(), url)
  t.strictSame(kept, [{ reference: `verify:${requestId}:`, requestId, lifetimeSeconds: 60 }])
  t.strictSame(
    calls.map(({ method, path }) => `${method} ${path}`),
    ['POST /v2/verify'],
  )
})

test('a repeated start gets the same URL before Vonage is asked, for a minute', async (t) => {
  const { start, kept, calls, clock } = await setUpVerify(t, () => begun)
  await start()
  clock.advance(59_999)
  t.strictSame(await start(), url)
  t.strictSame([calls.length, kept.length], [1, 1])
  clock.advance(1)
  await start()
  t.equal(calls.length, 2)
})

test('a start for another number, or of another caller, is another start', async (t) => {
  const { start, calls } = await setUpVerify(t, () => begun)
  await start()
  await start({ phoneNumber: other })
  await start({ subject: 'bob' })
  t.equal(calls.length, 3)
})

test('100 starts of one caller at once make one call, and all get its URL', async (t) => {
  const { start, kept, calls } = await setUpVerify(t, () => begun)
  const urls = await Promise.all(Array.from({ length: 100 }, () => start()))
  t.equal(new Set(urls.map(({ authUrl }) => authUrl)).size, 1)
  t.strictSame([calls.length, kept.length], [1, 1])
})

test('a start goes on when its caller leaves, and the repeat gets its URL', async (t) => {
  const { start, calls } = await setUpVerify(t, () => ({ ...begun, afterMs: 50 }))
  const work = new AbortController()
  const first = start({ work })
  work.abort()
  t.strictSame(await first, url)
  t.strictSame(await start(), url)
  t.equal(calls.length, 1)
})

test("a number that is under way elsewhere is verification_in_progress, and one's own the same URL", async (t) => {
  const { start, underWay, number } = await setUpVerify(t, () => ({
    status: 409,
    body: { title: 'Conflict' },
  }))
  const refused = await rejectsWith(t, start(), 'verification_in_progress')
  t.equal(refused.retryAfterSeconds, 60)
  let looked = 0
  const elsewhere = await setUpVerify(t, () => ({ status: 409 }), {
    // Another replica keeps it between our two looks.
    find: async (...names) => (looked++ === 0 ? undefined : underWay.find(...names)),
  })
  await underWay.keep('silent', 'alice', number, { requestId, authUrl: checkUrl }, 60)
  t.strictSame(await elsewhere.start(), url)
  t.equal(elsewhere.calls.length, 1)
})

test('a start that cannot be kept gives no URL away', async (t) => {
  const { start } = await setUpVerify(t, () => begun)
  const failure = new Error('not kept')
  await t.rejects(start({ keeping: () => Promise.reject(failure) }), failure)
})

test('a start that cannot be remembered for a repeat is still answered', async (t) => {
  const { start } = await setUpVerify(t, () => begun, { keep: () => Promise.reject(new Error('full')) })
  t.strictSame(await start(), url)
})

test('a start ends at its deadline when Vonage does not answer', async (t) => {
  const { start, calls } = await setUpVerify(t, () => undefined)
  const startedMs = performance.now()
  await rejectsWith(t, start(), 'upstream_timeout')
  assertBetween(t, performance.now() - startedMs, 500, 500 + slackMs)
  t.equal(calls.length, 1)
})

test('a right code is true, and its start is repeated no more', async (t) => {
  const { start, check, calls } = await setUpVerify(t, (_, { path }) =>
    path === '/v2/verify' ? begun : completed,
  )
  await start()
  t.equal(await check(), true)
  t.equal(calls[1]?.path, `/v2/verify/${requestId}`)
  t.equal(calls[1]?.body, '{"code":"si9sfG"}')
  await start()
  t.equal(calls.length, 3)
})

for (const status of [400, 404, 409, 410])
  test(`a code that is refused with ${status} is code_rejected, and its start is repeated no more`, async (t) => {
    const { start, check, calls } = await setUpVerify(t, (_, { path }) =>
      path === '/v2/verify' ? begun : { status },
    )
    await start()
    await rejectsWith(t, check(), 'code_rejected')
    await start()
    t.equal(calls.length, 3)
  })

test('a check that got a 401 is sent again with another JWT, since nothing ran', async (t) => {
  const { check, calls, clock } = await setUpVerify(t, (n) => (n === 1 ? { status: 401 } : completed))
  await check()
  clock.advance(10_000)
  t.equal(await check(), true)
  t.equal(calls.length, 3)
  t.equal(calls[1]?.body, calls[2]?.body)
})

test('a check without an answer is outcome_unknown, at its deadline, and sent once', async (t) => {
  const { check, calls } = await setUpVerify(t, () => undefined)
  const startedMs = performance.now()
  await rejectsWith(t, check(), 'outcome_unknown')
  assertBetween(t, performance.now() - startedMs, 500, 500 + slackMs)
  t.equal(calls.length, 1)
})

test('a start that cannot be forgotten does not change the result of its check', async (t) => {
  const { check } = await setUpVerify(t, () => completed, { drop: () => Promise.reject(new Error('away')) })
  t.equal(await check(), true)
})

const sent = { status: 202, body: { request_id: requestId } }
const pathsOf = (calls: { path: string | undefined }[]) =>
  calls.map(({ path }) => path?.replace(requestId, 'ID'))

test('after a silent code that was refused a repeated start asks Vonage, and a message is asked of the same verification', async (t) => {
  const { start, check, sendCode, calls } = await setUpVerify(
    t,
    (n, { path }) =>
      path === '/v2/verify' ? (n === 0 ? begun : { status: 409 }) : { status: n === 1 ? 400 : 200 },
    {},
    message,
  )
  await start()
  await rejectsWith(t, check(), 'code_rejected')
  await rejectsWith(t, start(), 'verification_in_progress')
  t.strictSame(await sendCode(), { requestId })
  t.strictSame(pathsOf(calls), ['/v2/verify', '/v2/verify/ID', '/v2/verify', '/v2/verify/ID/next_workflow'])
})

for (const broken of ['find', 'keep'] as const)
  test(`a silent code that was refused is code_rejected when ${broken} fails at the store`, async (t) => {
    const { start, check, underWay } = await setUpVerify(
      t,
      (_, { path }) => (path === '/v2/verify' ? begun : { status: 400 }),
      {},
      message,
    )
    await start()
    Object.assign(underWay, { [broken]: () => Promise.reject(new Error('away')) })
    await rejectsWith(t, check(), 'code_rejected')
  })

test('a start whose number has no silent step is network_not_supported, and its message is on its way', async (t) => {
  const { start, sendCode, calls, kept } = await setUpVerify(t, () => sent, {}, message)
  await rejectsWith(t, start(), 'network_not_supported')
  t.strictSame(await sendCode(), { requestId })
  t.strictSame(pathsOf(calls), ['/v2/verify'], 'nothing was sent twice')
  t.strictSame(kept, [])
})

test('a silent start moves on to its message, once', async (t) => {
  const { start, sendCode, calls } = await setUpVerify(
    t,
    (_, { path }) => (path === '/v2/verify' ? begun : { status: 200, body: {} }),
    {},
    message,
  )
  await start()
  t.strictSame(await sendCode(), { requestId })
  t.strictSame(pathsOf(calls), ['/v2/verify', '/v2/verify/ID/next_workflow'])
  t.equal(calls[1]?.body, '')
})

test('a silent start whose minute is over has moved on by itself', async (t) => {
  const { start, sendCode, calls, clock } = await setUpVerify(t, () => begun, {}, message)
  await start()
  clock.advance(60_000)
  t.strictSame(await sendCode(), { requestId })
  t.equal(calls.length, 1)
})

for (const [what, next, count] of [
  [
    'that has moved on by itself just now sends nothing more',
    { status: 409, body: { type: '#no-next-step' } },
    2,
  ],
  ['that has ended is followed by a message of its own', { status: 404, body: {} }, 3],
] as const)
  test(`a silent start ${what}`, async (t) => {
    const { start, sendCode, calls } = await setUpVerify(
      t,
      (_, { path }) => (path === '/v2/verify' ? begun : next),
      {},
      message,
    )
    await start()
    t.equal((await sendCode()).requestId, requestId)
    t.equal(calls.length, count)
  })

for (const [what, conflicts] of [
  ['is asked once more, after a moment', 1],
  ['twice is upstream_busy, and can be asked again', 2],
] as const)
  test(`a conflict of Vonage's copies ${what}`, async (t) => {
    const conflict = { status: 409, body: { type: 'https://a.example/#conflict' } }
    const { start, sendCode, calls } = await setUpVerify(
      t,
      (n) => (n === 0 ? begun : n <= conflicts ? conflict : { status: 200, body: {} }),
      {},
      message,
      2000,
    )
    await start()
    if (conflicts === 2) await rejectsWith(t, sendCode(), 'upstream_busy')
    t.strictSame(await sendCode(), { requestId })
    t.equal(calls.length, conflicts + 2)
  })

test("a conflict of Vonage's copies that outlasts the deadline is upstream_busy at the deadline", async (t) => {
  const conflict = { status: 409, body: { type: 'https://a.example/#conflict' } }
  const script: Script = (n) => (n === 0 ? begun : conflict)
  const { start, sendCode, calls } = await setUpVerify(t, script, {}, message, 300)
  await start()
  await rejectsWith(t, sendCode(), 'upstream_busy')
  t.equal(calls.length, 2)
})

test('a start whose message cannot be remembered is still answered', async (t) => {
  const keep = () => Promise.reject(new Error('away'))
  const { start } = await setUpVerify(t, () => begun, { keep }, message)
  t.equal((await start()).authUrl, checkUrl)
})

test('a number with nothing under way gets a message of its own', async (t) => {
  const { sendCode, calls } = await setUpVerify(t, () => sent, {}, message)
  t.strictSame(await sendCode(), { requestId })
  t.match(calls[0]?.body ?? '', /"workflow":\[\{"channel":"sms"/)
})

test('a message to a number that is under way elsewhere is verification_in_progress', async (t) => {
  const { sendCode } = await setUpVerify(t, () => ({ status: 409 }), {}, message)
  t.equal((await rejectsWith(t, sendCode(), 'verification_in_progress')).retryAfterSeconds, 60)
})

test('a message ends at its deadline when Vonage does not answer', async (t) => {
  const { sendCode, calls } = await setUpVerify(t, () => undefined, {}, message)
  const startedMs = performance.now()
  await rejectsWith(t, sendCode(), 'upstream_timeout')
  assertBetween(t, performance.now() - startedMs, 500, 500 + slackMs)
  t.equal(calls.length, 1)
})

test('where messages are off none is sent', async (t) => {
  const { sendCode, calls } = await setUpVerify(t, () => sent)
  await rejectsWith(t, sendCode(), 'network_not_supported')
  t.equal(calls.length, 0)
})

test("a virtual number's silent step is the only one", async (t) => {
  const { start, calls } = await setUpVerify(t, () => begun, {}, message)
  await start({ phoneNumber: parsePhoneNumber('+99012345678') ?? fail() })
  t.ok(!calls[0]?.body.includes('sms'))
})

test('a wrong typed code is wrong_code, and what is under way stays known', async (t) => {
  const { start, checkTyped, calls } = await setUpVerify(
    t,
    (_, { path }) => (path === '/v2/verify' ? begun : { status: 400 }),
    {},
    message,
  )
  await start({ phoneNumber: other })
  await rejectsWith(t, checkTyped(), 'wrong_code')
  t.equal(calls[1]?.body, '{"code":"123456"}')
})

test('a start that no message may follow has the silent step alone, and gets none by itself', async (t) => {
  const { start, sendCode, calls } = await setUpVerify(t, () => begun, {}, message)
  await start({ mayMessage: () => false })
  t.ok(!calls[0]?.body.includes('sms'))
  const refused = new ServiceFailure('rate_limited')
  const admit = () => {
    throw refused
  }
  t.equal(await rejectsWith(t, sendCode(undefined, admit), 'rate_limited'), refused)
  t.equal(calls.length, 1)
})

test('a message that a start let follow is counted once, by the start', async (t) => {
  let counted = 0
  const count = () => {
    counted += 1
    return true
  }
  const { start, sendCode } = await setUpVerify(
    t,
    (_, { path }) => (path === '/v2/verify' ? begun : { status: 200, body: {} }),
    {},
    message,
  )
  await start({ mayMessage: count })
  await sendCode(undefined, count)
  t.equal(counted, 1)
  await sendCode(undefined, count)
  t.equal(counted, 2)
})

test('where there are no messages, and for a virtual number, none is counted', async (t) => {
  const virtual = parsePhoneNumber('+99012345678') ?? fail()
  const refuse = () => fail('a message was counted')
  const silent = await setUpVerify(t, () => begun)
  t.strictSame(await silent.start({ mayMessage: refuse }), url)
  const messaging = await setUpVerify(t, () => begun, {}, message)
  t.strictSame(await messaging.start({ phoneNumber: virtual, mayMessage: refuse }), url)
})
