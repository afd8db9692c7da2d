/** The application JWT: what is in it, how often one is signed, and when one is renewed. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { decodeJwt, jwtVerify } from 'jose'
import type { Soon } from '../../src/core/soon.ts'
import { type ApplicationJwt, createApplicationJwt } from '../../src/vonage/application-jwt.ts'
import { createFakeClock } from '../support/clock.ts'
import { createRsaKeys } from '../support/keys.ts'

const applicationId = '00000000-aaaa-bbbb-cccc-0123456789ab'
const keys = createRsaKeys()
const lifetimeMs = 15 * 60_000
const renewAfterMs = 0.75 * lifetimeMs
const usableMs = lifetimeMs - 30_000

function setUp(privateKey = keys.privateKey) {
  const clock = createFakeClock()
  return { clock, applicationJwt: createApplicationJwt({ applicationId, privateKey, clock }) }
}

function parallel(times: number, call: () => Soon<string | undefined>): Promise<(string | undefined)[]> {
  return Promise.all(Array.from({ length: times }, call))
}

function distinctIds(jwts: (string | undefined)[]): Set<string | undefined> {
  return new Set(jwts.map((jwt) => decodeJwt(jwt ?? '').jti))
}

/** Ends with the first JWT that is another one: a test without one runs into its own time limit. */
async function nextJwt(applicationJwt: ApplicationJwt, old: string, t: TestContext): Promise<string> {
  for (;;) {
    t.signal.throwIfAborted()
    const jwt = await applicationJwt.current()
    if (jwt !== old) return jwt
    await setImmediate()
  }
}

test('a JWT verifies under the public key, and carries the header and the claims of Vonage and no others', async () => {
  const { clock, applicationJwt } = setUp()
  const { protectedHeader, payload } = await jwtVerify(await applicationJwt.current(), keys.publicKey, {
    algorithms: ['RS256'],
    currentDate: new Date(clock.wallMs()),
  })
  assert.deepEqual(protectedHeader, { alg: 'RS256', typ: 'JWT' })
  assert.deepEqual(Object.keys(payload).sort(), ['application_id', 'exp', 'iat', 'jti'])
  assert.equal(payload.application_id, applicationId)
  assert.match(payload.jti ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('a JWT is issued ten seconds back and expires a quarter of an hour from now, in whole seconds', async () => {
  const { clock, applicationJwt } = setUp()
  clock.advance(999)
  const { iat, exp } = decodeJwt(await applicationJwt.current())
  const nowSeconds = Math.floor(clock.wallMs() / 1000)
  assert.equal(iat, nowSeconds - 10)
  assert.equal(exp, nowSeconds + 900)
})

test('1,000 parallel first calls share one signing', async () => {
  const { applicationJwt } = setUp()
  const jwts = await parallel(1000, () => applicationJwt.current())
  assert.equal(distinctIds(jwts).size, 1)
})

test('calls before three quarters of the lifetime get the same JWT, and begin no signing', async () => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  for (const stepMs of [1, renewAfterMs / 2, renewAfterMs / 2 - 2]) {
    clock.advance(stepMs)
    assert.equal(await applicationJwt.current(), first)
    // These are over after any signing that the call before has begun in the background.
    await parallel(8, () => setUp().applicationJwt.current())
    assert.equal(await applicationJwt.current(), first)
  }
})

test('from three quarters of the lifetime on, one is signed in the background while the old one is served', {
  timeout: 5000,
}, async (t) => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  clock.advance(renewAfterMs)
  const meanwhile = await parallel(1000, () => applicationJwt.current())
  assert.deepEqual(new Set(meanwhile), new Set([first]))
  const second = await nextJwt(applicationJwt, first, t)
  const afterwards = await parallel(1000, () => applicationJwt.current())
  assert.deepEqual(new Set(afterwards), new Set([second]))
  assert.equal(decodeJwt(second).iat, (decodeJwt(first).iat ?? 0) + renewAfterMs / 1000)
})

test('the age of a renewed JWT counts from its own signing', { timeout: 5000 }, async (t) => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  clock.advance(renewAfterMs)
  const second = await nextJwt(applicationJwt, first, t)
  clock.advance(usableMs - 1)
  assert.equal(await applicationJwt.current(), second)
})

test('just before the end of its use a JWT is still served, good for more than 30 seconds', async () => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  clock.advance(usableMs - 1)
  assert.equal(await applicationJwt.current(), first)
  const { exp = 0 } = decodeJwt(first)
  assert.ok(exp * 1000 - clock.wallMs() > 30_000)
})

for (const ageMs of [usableMs, lifetimeMs, 24 * 60 * 60_000]) {
  test(`a JWT of ${ageMs / 1000} seconds is not served: 1,000 parallel calls wait for one new`, async () => {
    const { clock, applicationJwt } = setUp()
    const first = await applicationJwt.current()
    clock.advance(ageMs)
    const jwts = await parallel(1000, () => applicationJwt.current())
    assert.equal(jwts.includes(first), false)
    assert.equal(distinctIds(jwts).size, 1)
  })
}

test('1,000 parallel refusals of one JWT lead to one new', async () => {
  const { clock, applicationJwt } = setUp()
  const refused = await applicationJwt.current()
  clock.advance(10_000)
  const jwts = await parallel(1000, () => applicationJwt.replace(refused))
  assert.equal(distinctIds(jwts).size, 1)
  assert.notEqual(jwts[0], refused)
  assert.equal(await applicationJwt.current(), jwts[0])
})

test('refusals that come in one after the other lead to one new as well', async () => {
  const { clock, applicationJwt } = setUp()
  const refused = await applicationJwt.current()
  clock.advance(10_000)
  const renewed = await applicationJwt.replace(refused)
  clock.advance(10_000)
  assert.equal(await applicationJwt.replace(refused), renewed)
  assert.equal(await applicationJwt.replace(refused), renewed)
})

test('a refused JWT younger than ten seconds is not replaced, and stays the current one', async () => {
  const { clock, applicationJwt } = setUp()
  const refused = await applicationJwt.current()
  assert.equal(await applicationJwt.replace(refused), undefined)
  clock.advance(9_999)
  assert.equal(await applicationJwt.replace(refused), undefined)
  assert.equal(await applicationJwt.current(), refused)
})

test('the JWT that replaced another is itself too young to be replaced', async () => {
  const { clock, applicationJwt } = setUp()
  const refused = await applicationJwt.current()
  clock.advance(60_000)
  const renewed = (await applicationJwt.replace(refused)) ?? ''
  clock.advance(9_999)
  assert.equal(await applicationJwt.replace(renewed), undefined)
})

test('a refusal before anything was signed leads to the first JWT', async () => {
  const { applicationJwt } = setUp()
  const jwt = await applicationJwt.replace('a JWT from before a restart')
  assert.equal(decodeJwt(jwt ?? '').application_id, applicationId)
})

const jumps: Array<[what: string, jumpMs: number]> = [
  ['an hour on', 3_600_000],
  ['40 days on', 40 * 24 * 3_600_000],
  ['to half a minute before its end', usableMs],
  ['an hour back', -3_600_000],
  ['back to just before its iat', -10_001],
]
for (const [what, jumpMs] of jumps) {
  test(`with the wall clock ${what}, 1,000 parallel calls wait for one new JWT, issued by the new time`, async () => {
    const { clock, applicationJwt } = setUp()
    const first = await applicationJwt.current()
    clock.jumpWall(jumpMs)
    const jwts = await parallel(1000, () => applicationJwt.current())
    assert.equal(jwts.includes(first), false)
    assert.equal(distinctIds(jwts).size, 1)
    assert.equal(decodeJwt(jwts[0] ?? '').iat, Math.floor(clock.wallMs() / 1000) - 10)
  })

  test(`with the wall clock ${what}, a refusal is cured at once, however young the JWT is by the monotonic clock`, async () => {
    const { clock, applicationJwt } = setUp()
    const refused = await applicationJwt.current()
    clock.jumpWall(jumpMs)
    const renewed = await applicationJwt.replace(refused)
    assert.ok(renewed !== undefined && renewed !== refused)
    assert.equal(await applicationJwt.replace(renewed), undefined, 'a new one is none the better')
  })
}

for (const jumpMs of [-10_000, -1, 1, renewAfterMs - 1])
  test(`the wall clock moved by ${jumpMs} ms leaves a JWT good, and the monotonic clock ages it`, async () => {
    const { clock, applicationJwt } = setUp()
    const first = await applicationJwt.current()
    clock.jumpWall(jumpMs)
    assert.equal(await applicationJwt.current(), first)
    clock.advance(usableMs)
    assert.notEqual(await applicationJwt.current(), first)
  })

test('a failed signing fails every call that shares it, and the next call tries again', async () => {
  const { applicationJwt } = setUp(createRsaKeys(1024).privateKey)
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => applicationJwt.current()))
  assert.ok(outcomes.every(({ status }) => status === 'rejected'))
  await assert.rejects(async () => applicationJwt.current())
})

test('two applications sign their own JWTs', async () => {
  const [one, other] = [setUp().applicationJwt, setUp().applicationJwt]
  assert.equal(distinctIds([await one.current(), await other.current()]).size, 2)
})

test('tells the age of the JWT in use, and nothing before the first', async () => {
  const { clock, applicationJwt } = setUp()
  assert.equal(applicationJwt.ageSeconds(), undefined)
  await applicationJwt.current()
  clock.advance(90_500)
  assert.equal(applicationJwt.ageSeconds(), 90.5)
})

test('a renewal that fails while the JWT is still good ends nothing, and the next one is tried', async (t) => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  clock.advance(renewAfterMs)
  const { subtle } = globalThis.crypto
  const { sign } = subtle
  t.after(() => Object.assign(subtle, { sign }))
  const tried = Promise.withResolvers<void>()
  Object.assign(subtle, {
    sign() {
      tried.resolve()
      return Promise.reject(new Error('out of memory'))
    },
  })
  assert.equal(applicationJwt.current(), first)
  await tried.promise
  await setImmediate()
  assert.equal(await applicationJwt.current(), first)
  Object.assign(subtle, { sign })
  assert.notEqual(await nextJwt(applicationJwt, first, t), first)
})
