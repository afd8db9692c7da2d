/** The application JWT: what is in it, how often one is signed, and when one is renewed. */

import { setImmediate } from 'node:timers/promises'
import { decodeJwt, jwtVerify } from 'jose'
import { type Test, test } from 'tap'
import type { Soon } from '../../src/core/soon.ts'
import { type ApplicationJwt, createApplicationJwt } from '../../src/vonage/application-jwt.ts'
import { createFakeClock } from '../support/clock.ts'
import { createRsaKeys } from '../support/keys.ts'
import { confirm, must } from '../support/must.ts'

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
async function nextJwt(applicationJwt: ApplicationJwt, old: string, t: Test): Promise<string> {
  for (;;) {
    must(!t.ended)
    const jwt = await applicationJwt.current()
    if (jwt !== old) return jwt
    await setImmediate()
  }
}

test('a JWT verifies under the public key, and carries the header and the claims of Vonage and no others', async (t) => {
  const { clock, applicationJwt } = setUp()
  const { protectedHeader, payload } = await jwtVerify(await applicationJwt.current(), keys.publicKey, {
    algorithms: ['RS256'],
    currentDate: new Date(clock.wallMs()),
  })
  t.strictSame(protectedHeader, { alg: 'RS256', typ: 'JWT' })
  t.strictSame(Object.keys(payload).sort(), ['application_id', 'exp', 'iat', 'jti'])
  t.equal(payload.application_id, applicationId)
  t.match(payload.jti ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})

test('a JWT is issued ten seconds back and expires a quarter of an hour from now, in whole seconds', async (t) => {
  const { clock, applicationJwt } = setUp()
  clock.advance(999)
  const { iat, exp } = decodeJwt(await applicationJwt.current())
  const nowSeconds = Math.floor(clock.wallMs() / 1000)
  t.equal(iat, nowSeconds - 10)
  t.equal(exp, nowSeconds + 900)
})

test('1,000 parallel first calls share one signing', async (t) => {
  const { applicationJwt } = setUp()
  const jwts = await parallel(1000, () => applicationJwt.current())
  t.equal(distinctIds(jwts).size, 1)
})

test('calls before three quarters of the lifetime get the same JWT, and begin no signing', async (t) => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  for (const stepMs of [1, renewAfterMs / 2, renewAfterMs / 2 - 2]) {
    clock.advance(stepMs)
    t.equal(await applicationJwt.current(), first)
    // These are over after any signing that the call before has begun in the background.
    await parallel(8, () => setUp().applicationJwt.current())
    t.equal(await applicationJwt.current(), first)
  }
})

test('from three quarters of the lifetime on, one is signed in the background while the old one is served', {
  timeout: 5000,
}, async (t) => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  clock.advance(renewAfterMs)
  const meanwhile = await parallel(1000, () => applicationJwt.current())
  t.strictSame(new Set(meanwhile), new Set([first]))
  const second = await nextJwt(applicationJwt, first, t)
  const afterwards = await parallel(1000, () => applicationJwt.current())
  t.strictSame(new Set(afterwards), new Set([second]))
  t.equal(decodeJwt(second).iat, (decodeJwt(first).iat ?? 0) + renewAfterMs / 1000)
})

test('the age of a renewed JWT counts from its own signing', { timeout: 5000 }, async (t) => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  clock.advance(renewAfterMs)
  const second = await nextJwt(applicationJwt, first, t)
  clock.advance(usableMs - 1)
  t.equal(await applicationJwt.current(), second)
})

test('just before the end of its use a JWT is still served, good for more than 30 seconds', async (t) => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  clock.advance(usableMs - 1)
  t.equal(await applicationJwt.current(), first)
  const { exp = 0 } = decodeJwt(first)
  t.ok(exp * 1000 - clock.wallMs() > 30_000)
})

for (const ageMs of [usableMs, lifetimeMs, 24 * 60 * 60_000]) {
  test(`a JWT of ${ageMs / 1000} seconds is not served: 1,000 parallel calls wait for one new`, async (t) => {
    const { clock, applicationJwt } = setUp()
    const first = await applicationJwt.current()
    clock.advance(ageMs)
    const jwts = await parallel(1000, () => applicationJwt.current())
    t.equal(jwts.includes(first), false)
    t.equal(distinctIds(jwts).size, 1)
  })
}

test('1,000 parallel refusals of one JWT lead to one new', async (t) => {
  const { clock, applicationJwt } = setUp()
  const refused = await applicationJwt.current()
  clock.advance(10_000)
  const jwts = await parallel(1000, () => applicationJwt.replace(refused))
  t.equal(distinctIds(jwts).size, 1)
  t.not(jwts[0], refused)
  t.equal(await applicationJwt.current(), jwts[0])
})

test('refusals that come in one after the other lead to one new as well', async (t) => {
  const { clock, applicationJwt } = setUp()
  const refused = await applicationJwt.current()
  clock.advance(10_000)
  const renewed = await applicationJwt.replace(refused)
  clock.advance(10_000)
  t.equal(await applicationJwt.replace(refused), renewed)
  t.equal(await applicationJwt.replace(refused), renewed)
})

test('a refused JWT younger than ten seconds is not replaced, and stays the current one', async (t) => {
  const { clock, applicationJwt } = setUp()
  const refused = await applicationJwt.current()
  t.equal(await applicationJwt.replace(refused), undefined)
  clock.advance(9_999)
  t.equal(await applicationJwt.replace(refused), undefined)
  t.equal(await applicationJwt.current(), refused)
})

test('the JWT that replaced another is itself too young to be replaced', async (t) => {
  const { clock, applicationJwt } = setUp()
  const refused = await applicationJwt.current()
  clock.advance(60_000)
  const renewed = (await applicationJwt.replace(refused)) ?? ''
  clock.advance(9_999)
  t.equal(await applicationJwt.replace(renewed), undefined)
})

test('a refusal before anything was signed leads to the first JWT', async (t) => {
  const { applicationJwt } = setUp()
  const jwt = await applicationJwt.replace('a JWT from before a restart')
  t.equal(decodeJwt(jwt ?? '').application_id, applicationId)
})

const jumps: Array<[what: string, jumpMs: number]> = [
  ['an hour on', 3_600_000],
  ['40 days on', 40 * 24 * 3_600_000],
  ['to half a minute before its end', usableMs],
  ['an hour back', -3_600_000],
  ['back to just before its iat', -10_001],
]
for (const [what, jumpMs] of jumps) {
  test(`with the wall clock ${what}, 1,000 parallel calls wait for one new JWT, issued by the new time`, async (t) => {
    const { clock, applicationJwt } = setUp()
    const first = await applicationJwt.current()
    clock.jumpWall(jumpMs)
    const jwts = await parallel(1000, () => applicationJwt.current())
    t.equal(jwts.includes(first), false)
    t.equal(distinctIds(jwts).size, 1)
    t.equal(decodeJwt(jwts[0] ?? '').iat, Math.floor(clock.wallMs() / 1000) - 10)
  })

  test(`with the wall clock ${what}, a refusal is cured at once, however young the JWT is by the monotonic clock`, async (t) => {
    const { clock, applicationJwt } = setUp()
    const refused = await applicationJwt.current()
    clock.jumpWall(jumpMs)
    const renewed = await applicationJwt.replace(refused)
    confirm(t, renewed !== undefined && renewed !== refused)
    t.equal(await applicationJwt.replace(renewed), undefined, 'a new one is none the better')
  })
}

for (const jumpMs of [-10_000, -1, 1, renewAfterMs - 1])
  test(`the wall clock moved by ${jumpMs} ms leaves a JWT good, and the monotonic clock ages it`, async (t) => {
    const { clock, applicationJwt } = setUp()
    const first = await applicationJwt.current()
    clock.jumpWall(jumpMs)
    t.equal(await applicationJwt.current(), first)
    clock.advance(usableMs)
    t.not(await applicationJwt.current(), first)
  })

test('a failed signing fails every call that shares it, and the next call tries again', async (t) => {
  const { applicationJwt } = setUp(createRsaKeys(1024).privateKey)
  const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => applicationJwt.current()))
  t.ok(outcomes.every(({ status }) => status === 'rejected'))
  await t.rejects(async () => applicationJwt.current())
})

test('two applications sign their own JWTs', async (t) => {
  const [one, other] = [setUp().applicationJwt, setUp().applicationJwt]
  t.equal(distinctIds([await one.current(), await other.current()]).size, 2)
})

test('tells the age of the JWT in use, and nothing before the first', async (t) => {
  const { clock, applicationJwt } = setUp()
  t.equal(applicationJwt.ageSeconds(), undefined)
  await applicationJwt.current()
  clock.advance(90_500)
  t.equal(applicationJwt.ageSeconds(), 90.5)
})

test('a renewal that fails while the JWT is still good ends nothing, and the next one is tried', async (t) => {
  const { clock, applicationJwt } = setUp()
  const first = await applicationJwt.current()
  clock.advance(renewAfterMs)
  const { subtle } = globalThis.crypto
  const { sign } = subtle
  t.teardown(() => Object.assign(subtle, { sign }))
  const tried = Promise.withResolvers<void>()
  Object.assign(subtle, {
    sign() {
      tried.resolve()
      return Promise.reject(new Error('out of memory'))
    },
  })
  t.equal(applicationJwt.current(), first)
  await tried.promise
  await setImmediate()
  t.equal(await applicationJwt.current(), first)
  Object.assign(subtle, { sign })
  t.not(await nextJwt(applicationJwt, first, t), first)
})
