/** The client against a local HTTP server in Vonage's place: how often it calls, with which JWT, for how long. */
import { test } from 'tap'
import { rejectsWith } from '../../support/failure.ts'
import { closed } from '../../support/raw-server.ts'
import { assertBetween, slackMs } from '../../support/raw-transport.ts'
import { assertSignedByUs, authUrl, redirectUri, scope, setUpClient } from '../../support/vonage-client.ts'
import type { ReceivedCall, Script } from '../../support/vonage-server.ts'

const goodStart = { status: 200, body: { scopes: { [scope]: { auth_url: authUrl } } } }
const goodToken = {
  status: 200,
  body: { access_token: 'an-access-token', token_type: 'bearer', expires_in: 29 },
}
const goodVerify = { status: 200, body: { devicePhoneNumberVerified: true } }

async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now()
  await work()
  return performance.now() - startedMs
}

const distinctJwts = (calls: ReceivedCall[]) =>
  new Set(calls.map(({ headers }) => headers.authorization)).size

const allowedHeaders = [
  'accept',
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'content-type',
  'host',
]

test('a start', { jobs: 8 }, async (t) => {
  t.test('sends the documented request with our JWT and no header beyond the allow-list', async (t) => {
    const { start, calls } = await setUpClient(t, () => goodStart)
    t.strictSame(await start(), { authUrl, requiresCarrierNetwork: true })
    const [call] = calls
    t.equal(calls.length, 1)
    t.equal(`${call?.method} ${call?.path}`, 'POST /v0.1/network-enablement')
    t.equal(call?.body, '{"phone_number":"+99012345678","scopes":["a-scope"],"state":"a-state"}')
    t.strictSame(call?.headerNames, allowedHeaders)
    t.equal(call?.headers['accept-encoding'], 'identity')
    await assertSignedByUs(t, call)
  })

  t.test('shares its JWT with the others', async (t) => {
    const { start, calls } = await setUpClient(t, () => goodStart)
    await Promise.all(Array.from({ length: 20 }, () => start()))
    t.equal(calls.length, 20)
    t.equal(distinctJwts(calls), 1)
  })

  t.test('is sent again with a new JWT after a 401, when the old one was ten seconds old', async (t) => {
    const { start, calls, clock } = await setUpClient(t, (n) => (n === 1 ? { status: 401 } : goodStart))
    await start()
    clock.advance(10_000)
    t.equal((await start()).authUrl, authUrl)
    t.equal(calls.length, 3)
    t.equal(calls[0]?.headers.authorization, calls[1]?.headers.authorization)
    t.not(calls[1]?.headers.authorization, calls[2]?.headers.authorization)
    t.equal(calls[1]?.body, calls[2]?.body)
    await assertSignedByUs(t, calls[2])
  })

  t.test('is upstream_refused after a second 401, with exactly two calls', async (t) => {
    const { start, calls, clock } = await setUpClient(t, (n) => (n === 0 ? goodStart : { status: 401 }))
    await start()
    clock.advance(10_000)
    await rejectsWith(t, start(), 'upstream_refused')
    t.equal(calls.length, 3, 'one before, and two')
  })

  t.test('is upstream_refused after a 401 on a JWT that is new itself, with exactly one call', async (t) => {
    const { start, calls, clock } = await setUpClient(t, () => ({ status: 401 }))
    await rejectsWith(t, start(), 'upstream_refused')
    t.equal(calls.length, 1)
    clock.advance(9_999)
    await rejectsWith(t, start(), 'upstream_refused')
    t.equal(calls.length, 2)
  })

  t.test('one of 50 refused at once leads to no more than one new JWT and two calls each', async (t) => {
    let firstJwt: string | undefined
    const { start, calls, clock } = await setUpClient(t, (_n, { headers }) => {
      firstJwt ??= headers.authorization
      return headers.authorization === firstJwt && calls.length > 1 ? { status: 401 } : goodStart
    })
    await start()
    clock.advance(60_000)
    await Promise.all(Array.from({ length: 50 }, () => start()))
    t.equal(distinctJwts(calls), 2)
    t.ok(calls.length <= 1 + 2 * 50)
  })

  for (const status of [400, 402, 403, 404, 422, 429, 500, 502, 503]) {
    t.test(`is not sent again after a ${status}`, async (t) => {
      const { start, calls, clock } = await setUpClient(t, (n) => (n === 0 ? goodStart : { status }))
      await start()
      clock.advance(60_000)
      await t.rejects(start())
      t.equal(calls.length, 2)
    })
  }

  t.test('is upstream_timeout when no answer comes, at its deadline, and its connection goes', async (t) => {
    const { start, calls } = await setUpClient(t, () => undefined, 150)
    const tookMs = await elapsedMs(() => rejectsWith(t, start(), 'upstream_timeout'))
    assertBetween(t, tookMs, 150, 150 + slackMs)
    await closed(calls[0]?.socket)
    t.equal(calls.length, 1)
  })

  t.test('has one deadline over both tries', async (t) => {
    const script: Script = (n) => (n === 0 ? goodStart : n === 1 ? { status: 401, afterMs: 450 } : undefined)
    const { start, calls, clock } = await setUpClient(t, script, 600)
    await start()
    clock.advance(10_000)
    const tookMs = await elapsedMs(() => rejectsWith(t, start(), 'upstream_timeout'))
    assertBetween(t, tookMs, 600, 1000)
    t.equal(calls.length, 3)
  })

  t.test('ends with its caller, long before its deadline', async (t) => {
    const gone = new AbortController()
    const { start, calls } = await setUpClient(t, () => void setImmediate(() => gone.abort()))
    assertBetween(t, await elapsedMs(() => rejectsWith(t, start(gone), 'upstream_timeout')), 0, slackMs)
    await closed(calls[0]?.socket)
  })

  t.test('is upstream_unavailable without a connection', async (t) => {
    const { start } = await setUpClient(t, () => undefined, 5000, 'http://127.0.0.1:1')
    await rejectsWith(t, start(), 'upstream_unavailable')
  })

  t.test('reads a Retry-After date against the injected clock', async (t) => {
    const date = new Date(Date.UTC(2026, 0, 1) + 30_000).toUTCString()
    const { start } = await setUpClient(t, () => ({ status: 429, headers: { 'retry-after': date } }))
    t.equal((await rejectsWith(t, start(), 'upstream_busy')).retryAfterSeconds, 30)
  })
})

test('a finish', { jobs: 8 }, async (t) => {
  const byPath =
    (token: ReturnType<Script>, verify: ReturnType<Script>): Script =>
    (_n, { path }) =>
      path === '/oauth2/token' ? token : verify

  for (const verified of [true, false]) {
    t.test(`exchanges the code, asks about the number, and answers ${verified}`, async (t) => {
      const verify = { status: 200, body: { devicePhoneNumberVerified: verified } }
      const { finish, calls } = await setUpClient(t, byPath(goodToken, verify))
      t.equal(await finish(), verified)
      const [token, question] = calls
      t.equal(`${token?.method} ${token?.path}`, 'POST /oauth2/token')
      t.strictSame(
        [...new URLSearchParams(token?.body)],
        [
          ['grant_type', 'authorization_code'],
          ['code', 'a code&x=y'],
          ['redirect_uri', redirectUri],
        ],
      )
      await assertSignedByUs(t, token)
      t.equal(`${question?.method} ${question?.path}`, 'POST /camara/number-verification/v031/verify')
      t.equal(question?.body, '{"phoneNumber":"+99012345678"}')
      t.equal(question?.headers.authorization, 'Bearer an-access-token')
      t.equal(question?.headers['x-correlator'], 'a-request')
      t.strictSame(token?.headerNames, allowedHeaders)
      t.strictSame(question?.headerNames.toSorted(), [...allowedHeaders, 'x-correlator'].toSorted())
      t.equal(calls.length, 2)
    })
  }

  t.test('does not spend a refused code twice, and asks nothing about the number', async (t) => {
    const { finish, calls } = await setUpClient(
      t,
      byPath({ status: 400, body: { error: 'invalid_grant' } }, goodVerify),
    )
    await rejectsWith(t, finish(), 'code_rejected')
    t.equal(calls.length, 1)
  })

  t.test('is not sent again after a 401, but the next one comes with a new JWT', async (t) => {
    const { finish, calls, clock } = await setUpClient(
      t,
      (n) => [goodToken, goodVerify, { status: 401 }, goodToken, goodVerify][n],
    )
    await finish()
    clock.advance(10_000)
    await rejectsWith(t, finish(), 'upstream_refused')
    t.equal(calls.length, 3)
    t.equal(await finish(), true)
    t.equal(calls[0]?.headers.authorization, calls[2]?.headers.authorization)
    t.not(calls[2]?.headers.authorization, calls[3]?.headers.authorization)
  })

  t.test('asks about the number once, also when that is refused', async (t) => {
    const { finish, calls } = await setUpClient(
      t,
      byPath(goodToken, { status: 401, body: { code: 'UNAUTHENTICATED' } }),
    )
    await rejectsWith(t, finish(), 'upstream_refused')
    t.equal(calls.length, 2)
  })

  for (const [what, script, count] of [
    ['the exchange', byPath(undefined, goodVerify), 1],
    ['the verification', byPath(goodToken, undefined), 2],
  ] as const) {
    t.test(
      `is outcome_unknown when ${what} gets no answer, at its deadline, with nothing sent twice`,
      async (t) => {
        const { finish, calls } = await setUpClient(t, script, 150)
        assertBetween(
          t,
          await elapsedMs(() => rejectsWith(t, finish(), 'outcome_unknown')),
          150,
          150 + slackMs,
        )
        t.equal(calls.length, count)
      },
    )
  }

  t.test('spends no code while the circuit of the second call is open', async (t) => {
    const { finish, calls } = await setUpClient(t, byPath(goodToken, { status: 500 }))
    for (let fault = 0; fault < 5; fault++) await rejectsWith(t, finish(), 'upstream_invalid')
    const refused = await rejectsWith(t, finish(), 'upstream_busy')
    t.equal(refused.retryAfterSeconds, 30)
    t.equal(calls.length, 10)
  })

  t.test('has one deadline over both calls', async (t) => {
    const { finish } = await setUpClient(t, byPath({ ...goodToken, afterMs: 450 }, undefined), 600)
    assertBetween(t, await elapsedMs(() => rejectsWith(t, finish(), 'outcome_unknown')), 600, 1000)
  })

  t.test('is upstream_unavailable without a connection for the code', async (t) => {
    const { finish } = await setUpClient(t, () => undefined, 5000, 'http://127.0.0.1:1')
    await rejectsWith(t, finish(), 'upstream_unavailable')
  })
})
