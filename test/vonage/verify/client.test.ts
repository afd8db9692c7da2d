/** The client of Verify v2 against a local HTTP server in Vonage's place: how often it calls, and what a repeat gets. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServiceFailure } from '../../../src/core/failures.ts'
import { parsePhoneNumber } from '../../../src/core/phone-number.ts'
import { rejectsWith } from '../../support/failure.ts'
import { assertBetween, slackMs } from '../../support/raw-transport.ts'
import { checkUrl, message, requestId, setUpVerify } from '../../support/verify-client.ts'
import type { Script } from '../../support/vonage-server.ts'

const begun = { status: 202, body: { request_id: requestId, check_url: checkUrl } }
const completed = { status: 200, body: { request_id: requestId, status: 'completed' } }
const url = { authUrl: checkUrl, requiresCarrierNetwork: true }
const other = parsePhoneNumber('+447700900201') ?? assert.fail()

test('a start is kept under the name that Vonage gave it, for the minute that Vonage holds it open', async (t) => {
  const { start, kept, calls } = await setUpVerify(t, () => begun)
  assert.deepEqual(await start(), url)
  assert.deepEqual(kept, [{ reference: `verify:${requestId}:`, requestId, lifetimeSeconds: 60 }])
  assert.deepEqual(
    calls.map(({ method, path }) => `${method} ${path}`),
    ['POST /v2/verify'],
  )
})

test('a repeated start gets the same URL before Vonage is asked, for a minute', async (t) => {
  const { start, kept, calls, clock } = await setUpVerify(t, () => begun)
  await start()
  clock.advance(59_999)
  assert.deepEqual(await start(), url)
  assert.deepEqual([calls.length, kept.length], [1, 1])
  clock.advance(1)
  await start()
  assert.equal(calls.length, 2)
})

test('a start for another number, or of another caller, is another start', async (t) => {
  const { start, calls } = await setUpVerify(t, () => begun)
  await start()
  await start({ phoneNumber: other })
  await start({ subject: 'bob' })
  assert.equal(calls.length, 3)
})

test('100 starts of one caller at once make one call, and all get its URL', async (t) => {
  const { start, kept, calls } = await setUpVerify(t, () => begun)
  const urls = await Promise.all(Array.from({ length: 100 }, () => start()))
  assert.equal(new Set(urls.map(({ authUrl }) => authUrl)).size, 1)
  assert.deepEqual([calls.length, kept.length], [1, 1])
})

test('a start goes on when its caller leaves, and the repeat gets its URL', async (t) => {
  const { start, calls } = await setUpVerify(t, () => ({ ...begun, afterMs: 50 }))
  const work = new AbortController()
  const first = start({ work })
  work.abort()
  assert.deepEqual(await first, url)
  assert.deepEqual(await start(), url)
  assert.equal(calls.length, 1)
})

test("a number that is under way elsewhere is verification_in_progress, and one's own the same URL", async (t) => {
  const { start, underWay, number } = await setUpVerify(t, () => ({
    status: 409,
    body: { title: 'Conflict' },
  }))
  const refused = await rejectsWith(start(), 'verification_in_progress')
  assert.equal(refused.retryAfterSeconds, 60)
  let looked = 0
  const elsewhere = await setUpVerify(t, () => ({ status: 409 }), {
    // Another replica keeps it between our two looks.
    find: async (...names) => (looked++ === 0 ? undefined : underWay.find(...names)),
  })
  await underWay.keep('silent', 'alice', number, { requestId, authUrl: checkUrl }, 60)
  assert.deepEqual(await elsewhere.start(), url)
  assert.equal(elsewhere.calls.length, 1)
})

test('a start that cannot be kept gives no URL away', async (t) => {
  const { start } = await setUpVerify(t, () => begun)
  const failure = new Error('not kept')
  await assert.rejects(start({ keeping: () => Promise.reject(failure) }), failure)
})

test('a start that cannot be remembered for a repeat is still answered', async (t) => {
  const { start } = await setUpVerify(t, () => begun, { keep: () => Promise.reject(new Error('full')) })
  assert.deepEqual(await start(), url)
})

test('a start ends at its deadline when Vonage does not answer', async (t) => {
  const { start, calls } = await setUpVerify(t, () => undefined)
  const startedMs = performance.now()
  await rejectsWith(start(), 'upstream_timeout')
  assertBetween(performance.now() - startedMs, 500, 500 + slackMs)
  assert.equal(calls.length, 1)
})

test('a right code is true, and its start is repeated no more', async (t) => {
  const { start, check, calls } = await setUpVerify(t, (_, { path }) =>
    path === '/v2/verify' ? begun : completed,
  )
  await start()
  assert.equal(await check(), true)
  assert.equal(calls[1]?.path, `/v2/verify/${requestId}`)
  assert.equal(calls[1]?.body, '{"code":"si9sfG"}')
  await start()
  assert.equal(calls.length, 3)
})

for (const status of [400, 404, 409, 410])
  test(`a code that is refused with ${status} is code_rejected, and its start is repeated no more`, async (t) => {
    const { start, check, calls } = await setUpVerify(t, (_, { path }) =>
      path === '/v2/verify' ? begun : { status },
    )
    await start()
    await rejectsWith(check(), 'code_rejected')
    await start()
    assert.equal(calls.length, 3)
  })

test('a check that got a 401 is sent again with another JWT, since nothing ran', async (t) => {
  const { check, calls, clock } = await setUpVerify(t, (n) => (n === 1 ? { status: 401 } : completed))
  await check()
  clock.advance(10_000)
  assert.equal(await check(), true)
  assert.equal(calls.length, 3)
  assert.equal(calls[1]?.body, calls[2]?.body)
})

test('a check without an answer is outcome_unknown, at its deadline, and sent once', async (t) => {
  const { check, calls } = await setUpVerify(t, () => undefined)
  const startedMs = performance.now()
  await rejectsWith(check(), 'outcome_unknown')
  assertBetween(performance.now() - startedMs, 500, 500 + slackMs)
  assert.equal(calls.length, 1)
})

test('a start that cannot be forgotten does not change the result of its check', async (t) => {
  const { check } = await setUpVerify(t, () => completed, { drop: () => Promise.reject(new Error('away')) })
  assert.equal(await check(), true)
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
  await rejectsWith(check(), 'code_rejected')
  await rejectsWith(start(), 'verification_in_progress')
  assert.deepEqual(await sendCode(), { requestId })
  assert.deepEqual(pathsOf(calls), [
    '/v2/verify',
    '/v2/verify/ID',
    '/v2/verify',
    '/v2/verify/ID/next_workflow',
  ])
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
    await rejectsWith(check(), 'code_rejected')
  })

test('a start whose number has no silent step is network_not_supported, and its message is on its way', async (t) => {
  const { start, sendCode, calls, kept } = await setUpVerify(t, () => sent, {}, message)
  await rejectsWith(start(), 'network_not_supported')
  assert.deepEqual(await sendCode(), { requestId })
  assert.deepEqual(pathsOf(calls), ['/v2/verify'], 'nothing was sent twice')
  assert.deepEqual(kept, [])
})

test('a silent start moves on to its message, once', async (t) => {
  const { start, sendCode, calls } = await setUpVerify(
    t,
    (_, { path }) => (path === '/v2/verify' ? begun : { status: 200, body: {} }),
    {},
    message,
  )
  await start()
  assert.deepEqual(await sendCode(), { requestId })
  assert.deepEqual(pathsOf(calls), ['/v2/verify', '/v2/verify/ID/next_workflow'])
  assert.equal(calls[1]?.body, '')
})

test('a silent start whose minute is over has moved on by itself', async (t) => {
  const { start, sendCode, calls, clock } = await setUpVerify(t, () => begun, {}, message)
  await start()
  clock.advance(60_000)
  assert.deepEqual(await sendCode(), { requestId })
  assert.equal(calls.length, 1)
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
    assert.equal((await sendCode()).requestId, requestId)
    assert.equal(calls.length, count)
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
    if (conflicts === 2) await rejectsWith(sendCode(), 'upstream_busy')
    assert.deepEqual(await sendCode(), { requestId })
    assert.equal(calls.length, conflicts + 2)
  })

test("a conflict of Vonage's copies that outlasts the deadline is upstream_busy at the deadline", async (t) => {
  const conflict = { status: 409, body: { type: 'https://a.example/#conflict' } }
  const script: Script = (n) => (n === 0 ? begun : conflict)
  const { start, sendCode, calls } = await setUpVerify(t, script, {}, message, 300)
  await start()
  await rejectsWith(sendCode(), 'upstream_busy')
  assert.equal(calls.length, 2)
})

test('a start whose message cannot be remembered is still answered', async (t) => {
  const keep = () => Promise.reject(new Error('away'))
  const { start } = await setUpVerify(t, () => begun, { keep }, message)
  assert.equal((await start()).authUrl, checkUrl)
})

test('a number with nothing under way gets a message of its own', async (t) => {
  const { sendCode, calls } = await setUpVerify(t, () => sent, {}, message)
  assert.deepEqual(await sendCode(), { requestId })
  assert.match(calls[0]?.body ?? '', /"workflow":\[\{"channel":"sms"/)
})

test('a message to a number that is under way elsewhere is verification_in_progress', async (t) => {
  const { sendCode } = await setUpVerify(t, () => ({ status: 409 }), {}, message)
  assert.equal((await rejectsWith(sendCode(), 'verification_in_progress')).retryAfterSeconds, 60)
})

test('a message ends at its deadline when Vonage does not answer', async (t) => {
  const { sendCode, calls } = await setUpVerify(t, () => undefined, {}, message)
  const startedMs = performance.now()
  await rejectsWith(sendCode(), 'upstream_timeout')
  assertBetween(performance.now() - startedMs, 500, 500 + slackMs)
  assert.equal(calls.length, 1)
})

test('where messages are off none is sent', async (t) => {
  const { sendCode, calls } = await setUpVerify(t, () => sent)
  await rejectsWith(sendCode(), 'network_not_supported')
  assert.equal(calls.length, 0)
})

test("a virtual number's silent step is the only one", async (t) => {
  const { start, calls } = await setUpVerify(t, () => begun, {}, message)
  await start({ phoneNumber: parsePhoneNumber('+99012345678') ?? assert.fail() })
  assert.ok(!calls[0]?.body.includes('sms'))
})

test('a wrong typed code is wrong_code, and what is under way stays known', async (t) => {
  const { start, checkTyped, calls } = await setUpVerify(
    t,
    (_, { path }) => (path === '/v2/verify' ? begun : { status: 400 }),
    {},
    message,
  )
  await start({ phoneNumber: other })
  await rejectsWith(checkTyped(), 'wrong_code')
  assert.equal(calls[1]?.body, '{"code":"123456"}')
})

test('a start that no message may follow has the silent step alone, and gets none by itself', async (t) => {
  const { start, sendCode, calls } = await setUpVerify(t, () => begun, {}, message)
  await start({ mayMessage: () => false })
  assert.ok(!calls[0]?.body.includes('sms'))
  const refused = new ServiceFailure('rate_limited')
  const admit = () => {
    throw refused
  }
  assert.equal(await rejectsWith(sendCode(undefined, admit), 'rate_limited'), refused)
  assert.equal(calls.length, 1)
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
  assert.equal(counted, 1)
  await sendCode(undefined, count)
  assert.equal(counted, 2)
})

test('where there are no messages, and for a virtual number, none is counted', async (t) => {
  const virtual = parsePhoneNumber('+99012345678') ?? assert.fail()
  const refuse = () => assert.fail('a message was counted')
  await (await setUpVerify(t, () => begun)).start({ mayMessage: refuse })
  await (await setUpVerify(t, () => begun, {}, message)).start({ phoneNumber: virtual, mayMessage: refuse })
})
