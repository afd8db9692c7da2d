/**
 * The attack on silent verification with Verify v2, which names the verification itself: what the device got is of use to the caller who
 * started, and to nobody else.
 */
import { t as file, type Test, test } from 'tap'
import { mintState } from '../../src/core/state.ts'
import { type Answer, openAuthUrl, openWorld } from '../support/service.ts'

/** Verified for whoever has its device. */
const victimsNumber = '+447700900112'
const verifiedVictim = { phone_number: victimsNumber, phone_number_verified: true }

const world = await openWorld((close) => file.teardown(close), {
  VONAGE_PRODUCT: 'verify',
  VONAGE_REDIRECT_URI: '',
})
const [attacker, victim] = [await world.tokenOf('attacker'), await world.tokenOf('victim')]
const checks = () => world.simulator.hops.count('/v2/verify/{request_id}')
const starts = () => world.simulator.hops.count('/v2/verify')

interface VonagesObject {
  code: string
  request_id: string
}

/** Starts, and opens the URL on the device that has the number. */
async function landingOf(token: string, phoneNumber = victimsNumber): Promise<VonagesObject> {
  return JSON.parse((await openAuthUrl(await world.authUrl(token, phoneNumber))).text)
}

function assertRefused(t: Test, { status, body, text }: Answer, code: string): void {
  t.equal(body.code, code)
  t.equal(status, 400)
  t.notMatch(text, /phone_number_verified/)
}

/** An answer but for what differs in every answer. */
function sameForAll({ status, headers, text, body }: Answer) {
  const named = [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name))
  return { status, headers: named, text: text.replace(String(body.request_id), '') }
}

test('another subject with the stolen object is answered as for an unknown one, burns nothing, and the owner can still finish', async (t) => {
  const landing = await landingOf(victim)
  const before = checks()
  const unknown = await world.finish(attacker, { code: landing.code, request_id: crypto.randomUUID() })
  for (let tries = 0; tries < 3; tries++) {
    const stolen = await world.finish(attacker, landing)
    assertRefused(t, stolen, 'invalid_state')
    t.strictSame(sameForAll(stolen), sameForAll(unknown))
  }
  t.equal(checks(), before, 'Vonage was asked nothing')
  t.strictSame((await world.finish(victim, landing)).body, verifiedVictim)
  t.strictSame((await world.finish(victim, landing)).body, verifiedVictim, 'and lose the answer')
  assertRefused(t, await world.finish(attacker, landing), 'invalid_state')
  t.equal(checks(), before + 1)
})

test("the lured phone's verification is of no use to who started it without the code, and the phone's owner cannot spend it", async (t) => {
  const authUrl = await world.authUrl(attacker, victimsNumber)
  const { code, request_id }: VonagesObject = JSON.parse((await openAuthUrl(authUrl)).text)
  const before = checks()
  for (const body of [{ request_id }, { request_id, code: '' }, { request_id, code: null }, { code }])
    assertRefused(t, await world.finish(attacker, body), 'invalid_request')
  assertRefused(t, await world.finish(victim, { code, request_id }), 'invalid_state')
  t.equal(checks(), before)
  assertRefused(t, await world.finish(attacker, { request_id, code: 'a-guess' }), 'code_rejected')
  for (const guess of ['a-guess', 'another', request_id, code])
    assertRefused(t, await world.finish(attacker, { request_id, code: guess }), 'invalid_state')
  t.equal(checks(), before + 1, 'one guess')
})

test('the two names do not stand for each other, and only one of them is taken', async (t) => {
  const number = '+447700900114'
  const landing = await landingOf(victim, number)
  const { code, request_id } = landing
  const state = mintState()
  const before = checks()
  // A state has 43 characters, which Vonage's name has not; padded to that length it is another name.
  for (const misused of [request_id, request_id.padEnd(43, '-'), `verify:${request_id}:`])
    assertRefused(t, await world.finish(victim, { code, state: misused }), 'invalid_state')
  assertRefused(t, await world.finish(victim, { code, request_id: state }), 'invalid_state')
  for (const body of [
    { ...landing, state },
    { ...landing, phone_number: number },
    { code, requestId: request_id },
  ])
    assertRefused(t, await world.finish(victim, body), 'invalid_request')
  t.equal(checks(), before)
  t.equal((await world.finish(victim, landing)).body.phone_number, number)
})

test('a state of ours is no request_id either: with the other product it misses, and stays good', async (t) => {
  const former = await openWorld((close) => t.teardown(close))
  const alice = await former.tokenOf('alice')
  const { code, state } = await former.landingOf(alice, '+99012345678')
  assertRefused(t, await former.finish(alice, { code, request_id: state }), 'invalid_state')
  t.equal(former.exchanges(), 0)
  t.equal((await former.finish(alice, { code, state })).status, 200)
})

test("a code of the attacker's own device does not verify the victim's number", async (t) => {
  const own = await landingOf(attacker, '+447700900134')
  const authUrl = await world.authUrl(attacker, '+447700900136')
  const { request_id } = JSON.parse((await openAuthUrl(authUrl)).text)
  assertRefused(t, await world.finish(attacker, { code: own.code, request_id }), 'code_rejected')
})

test('while a verification of the victim runs, others start none for the number, and get nothing of it', async (t) => {
  const number = '+447700900138'
  const landing = await landingOf(victim, number)
  const before = starts()
  const { status, headers, text, body } = await world.start(attacker, number)
  t.strictSame([status, body.code, headers.get('retry-after')], [409, 'verification_in_progress', '60'])
  t.ok(!text.includes(landing.request_id))
  t.equal(starts(), before + 1)
  t.equal((await world.finish(victim, landing)).status, 200)
})
