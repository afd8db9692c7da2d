/** The client with two private keys, against a server that verifies each signature: a change of key costs no start. */
import { test } from 'tap'
import { rejectsWith } from '../../support/failure.ts'
import { isSignedBy } from '../../support/key-ring.ts'
import { createRsaKeys } from '../../support/keys.ts'
import { assertSignedByUs, authUrl, scope, setUpClient } from '../../support/vonage-client.ts'
import type { Script } from '../../support/vonage-server.ts'

const next = createRsaKeys()
const wallMs = Date.UTC(2026, 0, 1)
const goodStart = { status: 200, body: { scopes: { [scope]: { auth_url: authUrl } } } }
const goodToken = { status: 200, body: { access_token: 't', token_type: 'bearer', expires_in: 29 } }
const goodVerify = { status: 200, body: { devicePhoneNumberVerified: true } }
const answers: Record<string, typeof goodStart | typeof goodToken | typeof goodVerify> = {
  '/v0.1/network-enablement': goodStart,
  '/oauth2/token': goodToken,
  '/camara/number-verification/v031/verify': goodVerify,
}

/** Refuses one JWT, the first that it sees; accepts the others. */
function refusingTheFirst(): Script {
  let first: string | undefined
  return (_n, { path = '', headers }) => {
    first ??= headers.authorization
    return headers.authorization === first ? { status: 401 } : answers[path]
  }
}

test('with a second key', { jobs: 8 }, async (t) => {
  const open = (t: Parameters<typeof setUpClient>[0], script: Script) =>
    setUpClient(t, script, 10_000, undefined, next.privateKey)

  t.test(
    'a start that is refused is sent again with it, however young the JWT, and later ones use it at once',
    async (t) => {
      const { start, calls, keyChanges } = await open(t, refusingTheFirst())
      t.equal((await start()).authUrl, authUrl)
      await start()
      t.equal(calls.length, 3)
      await assertSignedByUs(t, calls[0])
      for (const call of calls.slice(1))
        t.ok(await isSignedBy(call.headers.authorization, next.publicKey, wallMs))
      t.strictSame(keyChanges, ['next'])
    },
  )

  t.test('50 starts that are refused at once all go well, with two calls each at most', async (t) => {
    const { start, calls, keyChanges } = await open(t, refusingTheFirst())
    await Promise.all(Array.from({ length: 50 }, () => start()))
    t.ok(calls.length <= 100)
    t.equal(new Set(calls.map(({ headers }) => headers.authorization)).size, 2)
    t.strictSame(keyChanges, ['next'])
  })

  t.test(
    'a start that is refused with both is upstream_refused after two calls, the next one after one',
    async (t) => {
      const { start, calls, keyChanges } = await open(t, () => ({ status: 401 }))
      await rejectsWith(t, start(), 'upstream_refused')
      t.equal(calls.length, 2)
      await rejectsWith(t, start(), 'upstream_refused')
      t.equal(calls.length, 3)
      t.equal(calls[0]?.headers.authorization, calls[2]?.headers.authorization)
      t.strictSame(keyChanges, [])
    },
  )

  t.test('an answer that is neither 200 nor 401 does not decide', async (t) => {
    const script: Script = (n, call) => (n === 1 ? { status: 422 } : refuse(n, call))
    const refuse = refusingTheFirst()
    const { start, keyChanges } = await open(t, script)
    await rejectsWith(t, start(), 'network_not_supported')
    t.strictSame(keyChanges, [])
    await start()
    t.strictSame(keyChanges, ['next'])
  })

  t.test(
    'a finish whose code exchange is refused is not sent again, and the next call uses the other key',
    async (t) => {
      const { finish, calls, keyChanges } = await open(t, refusingTheFirst())
      await rejectsWith(t, finish(), 'upstream_refused')
      t.equal(calls.length, 1)
      t.equal(await finish(), true)
      t.ok(await isSignedBy(calls[1]?.headers.authorization, next.publicKey, wallMs))
      t.strictSame(keyChanges, ['next'])
    },
  )
})
