/**
 * The attack on silent verification: someone starts for a victim's number and lures the victim's device to the URL, so that the
 * device gets a good code. Nobody but the caller who started, holding what the device got, gets a result.
 */
import assert from 'node:assert/strict'
import { after, type TestContext, test } from 'node:test'
import { mintState } from '../../src/core/state.ts'
import { openPublicServer } from '../support/public-server.ts'
import {
  type Answer,
  callbackPath,
  finishPath,
  openAuthUrl,
  openWorld,
  startPath,
} from '../support/service.ts'

/** Verified as true for whoever has its device. */
const victimsNumber = '+990000000012'
const attackersNumber = '+990000000034'

const verifiedVictim = { phone_number: victimsNumber, phone_number_verified: true }

const world = await openWorld(after)
const [attacker, bystander] = [await world.tokenOf('attacker'), await world.tokenOf('bystander')]

/** The attacker starts for the victim's number; the victim's device opens the URL and gets the code. */
const lure = () => world.landingOf(attacker, victimsNumber)

function assertRefused({ status, body, text }: Answer, code: string): void {
  assert.equal(body.code, code)
  assert.equal(status, 400)
  assert.doesNotMatch(text, /phone_number_verified/)
}

/** An answer but for what differs in every answer. */
function sameForAll({ status, headers, text, body }: Answer) {
  const named = [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name))
  return { status, headers: named, text: text.replace(String(body.request_id), '') }
}

/** The numbers that the operator was asked about, oldest first. */
function checkedNumbers(): unknown[] {
  const checks = world.simulator.received().filter(({ path }) => path.startsWith('/camara/'))
  return checks.map(({ body }) => body)
}

test('the redirected device alone finishes nothing, however often the landing page is opened', async () => {
  const [exchanges, checks] = [world.exchanges(), world.checks()]
  const landing = await lure()
  const url = `${world.service.url}${callbackPath}?${new URLSearchParams({ ...landing })}`
  for (let opened = 0; opened < 3; opened++) assert.deepEqual((await openAuthUrl(url)).body, landing)
  assert.deepEqual([world.exchanges(), world.checks()], [exchanges, checks])
  assert.deepEqual((await world.finish(attacker, landing)).body, verifiedVictim)
})

test('the attacker who even knows the state gets no further without the code', async () => {
  const { code, state } = await lure()
  for (const body of [{ state }, { state, code: '' }, { state, code: null }, { state, code: [] }])
    assertRefused(await world.finish(attacker, body), 'invalid_request')
  const checks = world.checks()
  assertRefused(await world.finish(attacker, { state, code: 'a-guess' }), 'code_rejected')
  for (const guess of ['a-guess', 'another', state, code])
    assertRefused(await world.finish(attacker, { state, code: guess }), 'invalid_state')
  assert.equal(world.checks(), checks)
})

test("a code of the attacker's own device does not verify the victim's number", async () => {
  const own = await world.landingOf(attacker, attackersNumber)
  const { state } = await lure()
  const { body } = await world.finish(attacker, { code: own.code, state })
  assert.deepEqual(body, { phone_number: victimsNumber, phone_number_verified: false })
  assert.deepEqual(checkedNumbers().at(-1), { phoneNumber: victimsNumber })
})

test("a code of the victim's device does not verify another number", async () => {
  const own = await world.landingOf(attacker, attackersNumber)
  const { code } = await lure()
  const { body } = await world.finish(attacker, { code, state: own.state })
  assert.deepEqual(body, { phone_number: attackersNumber, phone_number_verified: false })
  assert.deepEqual(checkedNumbers().at(-1), { phoneNumber: attackersNumber })
})

test('another caller with the state and the code is answered as for an unknown state, and the owner can still finish', async () => {
  const landing = await world.landingOf(bystander, victimsNumber)
  const exchanges = world.exchanges()
  const unknown = await world.finish(attacker, { code: landing.code, state: mintState() })
  for (let tries = 0; tries < 3; tries++) {
    const stolen = await world.finish(attacker, landing)
    assertRefused(stolen, 'invalid_state')
    assert.deepEqual(sameForAll(stolen), sameForAll(unknown))
    assert.notEqual(stolen.body.request_id, unknown.body.request_id)
  }
  assert.equal(world.exchanges(), exchanges)
  assert.deepEqual((await world.finish(bystander, landing)).body, verifiedVictim)
  assert.deepEqual(sameForAll(await world.finish(attacker, landing)), sameForAll(unknown), 'also afterwards')
})

test('a backend that finishes itself learns which number was verified, not the one that a changed app names', async () => {
  const landing = await world.landingOf(attacker, attackersNumber)
  const claimed = victimsNumber
  const { body } = await world.finish(attacker, landing)
  assert.deepEqual(body, { phone_number: attackersNumber, phone_number_verified: true })
  assert.notEqual(body.phone_number, claimed)
  assert.deepEqual((await world.finish(attacker, landing)).body, body, 'also the repeat names it')
})

test('the number that is checked is the one kept at the start, and a number in the finish is refused', async () => {
  const landing = await world.landingOf(attacker, victimsNumber)
  const checks = world.checks()
  for (const more of [
    { phone_number: attackersNumber },
    { phoneNumber: attackersNumber },
    { subject: 'victim' },
  ])
    assertRefused(await world.finish(attacker, { ...landing, ...more }), 'invalid_request')
  assert.equal(world.checks(), checks)
  assert.deepEqual((await world.finish(attacker, landing)).body, verifiedVictim)
  assert.deepEqual(checkedNumbers().at(-1), { phoneNumber: victimsNumber })
})

test('the state inside the auth_url is of no use here', async () => {
  const authUrl = await world.authUrl(attacker, victimsNumber)
  const insideState = new URL(authUrl).searchParams.get('state') ?? ''
  assert.match(insideState, /^v2_/)
  const { code, state } = (await openAuthUrl(authUrl)).body
  assertRefused(await world.finish(attacker, { code, state: insideState }), 'invalid_state')
  const landing = `${callbackPath}?${new URLSearchParams({ code: String(code), state: insideState })}`
  assertRefused(await world.send(world.service.url + landing), 'invalid_state')
  assert.deepEqual((await world.finish(attacker, { code, state })).body, verifiedVictim)
})

/** Every method and path of the public listener, from the router itself, which prints them as a tree. */
async function publicRoutes(t: TestContext): Promise<[method: string, path: string][]> {
  const { app } = await openPublicServer(t)
  const parents: string[] = []
  const routes: [method: string, path: string][] = []
  for (const line of app
    .printRoutes({ commonPrefix: false })
    .matchAll(/^(.*)[├└]── (\S+)(?: \((.+)\))?$/gm)) {
    const [, indent = '', part = '', methods] = line
    parents.splice(indent.length / 4, Number.POSITIVE_INFINITY, part)
    for (const method of methods?.split(', ') ?? []) routes.push([method, parents.join('')])
  }
  return routes
}

test('no route gives a result for less than the code, the state and the token of who started', async (t) => {
  const routes = await publicRoutes(t)
  assert.deepEqual(
    routes.map((route) => route.join(' ')).sort(),
    [
      `GET ${callbackPath}`,
      'GET /livez',
      'GET /readyz',
      `HEAD ${callbackPath}`,
      'HEAD /livez',
      'HEAD /readyz',
      `POST ${finishPath}`,
      `POST ${startPath}`,
    ].sort(),
  )
  const { url, managementUrl } = world.service
  const inside = ['/livez', '/readyz', '/openapi.json', '/metrics', '/docs', finishPath, callbackPath]
  const calls = [
    ...routes.map(([method, path]) => [method, url + path] as const),
    ...inside.map((path) => ['GET', managementUrl + path] as const),
  ]
  const { code, state } = await world.landingOf(bystander, victimsNumber)

  /** Each with the most that somebody may hold who is to get nothing. */
  const holders: [token: string | undefined, held: Record<string, string>[]][] = [
    [undefined, [{ code, state }]],
    [attacker, [{ code, state }, { state }, { code }]],
    [bystander, [{ state }, { code }, {}]],
  ]

  async function tryEverything(): Promise<number> {
    let tries = 0
    for (const [token, held] of holders)
      for (const parameters of held)
        for (const [method, target] of calls) {
          const answer = await world.send(`${target}?${new URLSearchParams(parameters)}`, {
            method,
            headers: {
              ...(token && { authorization: `Bearer ${token}` }),
              'content-type': 'application/json',
            },
            ...(method === 'POST' && { body: JSON.stringify(parameters) }),
          })
          assert.ok(!('phone_number_verified' in answer.body), `${method} ${target}`)
          tries += 1
        }
    return tries
  }

  const [exchanges, checks] = [world.exchanges(), world.checks()]
  assert.equal(await tryEverything(), 7 * 15, 'before the finish')
  assert.deepEqual([world.exchanges(), world.checks()], [exchanges, checks])
  assert.deepEqual((await world.finish(bystander, { code, state })).body, verifiedVictim)
  await tryEverything()
  assert.deepEqual([world.exchanges(), world.checks()], [exchanges + 1, checks + 1], 'after the finish')
})
