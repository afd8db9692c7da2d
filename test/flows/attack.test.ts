/**
 * The attack on silent verification: someone starts for a victim's number and lures the victim's device to the URL, so that the
 * device gets a good code. Nobody but the caller who started, holding what the device got, gets a result.
 */
import { t as file, type Test, test } from 'tap'
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

const world = await openWorld((close) => file.teardown(close))
const [attacker, bystander] = [await world.tokenOf('attacker'), await world.tokenOf('bystander')]

/** The attacker starts for the victim's number; the victim's device opens the URL and gets the code. */
const lure = () => world.landingOf(attacker, victimsNumber)

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

/** The numbers that the operator was asked about, oldest first. */
function checkedNumbers(): unknown[] {
  const checks = world.simulator.received().filter(({ path }) => path.startsWith('/camara/'))
  return checks.map(({ body }) => body)
}

test('the redirected device alone finishes nothing, however often the landing page is opened', async (t) => {
  const [exchanges, checks] = [world.exchanges(), world.checks()]
  const landing = await lure()
  const url = `${world.service.url}${callbackPath}?${new URLSearchParams({ ...landing })}`
  for (let opened = 0; opened < 3; opened++) t.strictSame((await openAuthUrl(url)).body, landing)
  t.strictSame([world.exchanges(), world.checks()], [exchanges, checks])
  t.strictSame((await world.finish(attacker, landing)).body, verifiedVictim)
})

test('the attacker who even knows the state gets no further without the code', async (t) => {
  const { code, state } = await lure()
  for (const body of [{ state }, { state, code: '' }, { state, code: null }, { state, code: [] }])
    assertRefused(t, await world.finish(attacker, body), 'invalid_request')
  const checks = world.checks()
  assertRefused(t, await world.finish(attacker, { state, code: 'a-guess' }), 'code_rejected')
  for (const guess of ['a-guess', 'another', state, code])
    assertRefused(t, await world.finish(attacker, { state, code: guess }), 'invalid_state')
  t.equal(world.checks(), checks)
})

test("a code of the attacker's own device does not verify the victim's number", async (t) => {
  const own = await world.landingOf(attacker, attackersNumber)
  const { state } = await lure()
  const { body } = await world.finish(attacker, { code: own.code, state })
  t.strictSame(body, { phone_number: victimsNumber, phone_number_verified: false })
  t.strictSame(checkedNumbers().at(-1), { phoneNumber: victimsNumber })
})

test("a code of the victim's device does not verify another number", async (t) => {
  const own = await world.landingOf(attacker, attackersNumber)
  const { code } = await lure()
  const { body } = await world.finish(attacker, { code, state: own.state })
  t.strictSame(body, { phone_number: attackersNumber, phone_number_verified: false })
  t.strictSame(checkedNumbers().at(-1), { phoneNumber: attackersNumber })
})

test('another caller with the state and the code is answered as for an unknown state, and the owner can still finish', async (t) => {
  const landing = await world.landingOf(bystander, victimsNumber)
  const exchanges = world.exchanges()
  const unknown = await world.finish(attacker, { code: landing.code, state: mintState() })
  for (let tries = 0; tries < 3; tries++) {
    const stolen = await world.finish(attacker, landing)
    assertRefused(t, stolen, 'invalid_state')
    t.strictSame(sameForAll(stolen), sameForAll(unknown))
    t.not(stolen.body.request_id, unknown.body.request_id)
  }
  t.equal(world.exchanges(), exchanges)
  t.strictSame((await world.finish(bystander, landing)).body, verifiedVictim)
  t.strictSame(sameForAll(await world.finish(attacker, landing)), sameForAll(unknown), 'also afterwards')
})

test('a backend that finishes itself learns which number was verified, not the one that a changed app names', async (t) => {
  const landing = await world.landingOf(attacker, attackersNumber)
  const claimed = victimsNumber
  const { body } = await world.finish(attacker, landing)
  t.strictSame(body, { phone_number: attackersNumber, phone_number_verified: true })
  t.not(body.phone_number, claimed)
  t.strictSame((await world.finish(attacker, landing)).body, body, 'also the repeat names it')
})

test('the number that is checked is the one kept at the start, and a number in the finish is refused', async (t) => {
  const landing = await world.landingOf(attacker, victimsNumber)
  const checks = world.checks()
  for (const more of [
    { phone_number: attackersNumber },
    { phoneNumber: attackersNumber },
    { subject: 'victim' },
  ])
    assertRefused(t, await world.finish(attacker, { ...landing, ...more }), 'invalid_request')
  t.equal(world.checks(), checks)
  t.strictSame((await world.finish(attacker, landing)).body, verifiedVictim)
  t.strictSame(checkedNumbers().at(-1), { phoneNumber: victimsNumber })
})

test('the state inside the auth_url is of no use here', async (t) => {
  const authUrl = await world.authUrl(attacker, victimsNumber)
  const insideState = new URL(authUrl).searchParams.get('state') ?? ''
  t.match(insideState, /^v2_/)
  const { code, state } = (await openAuthUrl(authUrl)).body
  assertRefused(t, await world.finish(attacker, { code, state: insideState }), 'invalid_state')
  const landing = `${callbackPath}?${new URLSearchParams({ code: String(code), state: insideState })}`
  assertRefused(t, await world.send(world.service.url + landing), 'invalid_state')
  t.strictSame((await world.finish(attacker, { code, state })).body, verifiedVictim)
})

/** Every method and path of the public listener, from the router itself, which prints them as a tree. */
async function publicRoutes(t: Test): Promise<[method: string, path: string][]> {
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
  t.strictSame(
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
          t.ok(!('phone_number_verified' in answer.body), `${method} ${target}`)
          tries += 1
        }
    return tries
  }

  const [exchanges, checks] = [world.exchanges(), world.checks()]
  t.equal(await tryEverything(), 7 * 15, 'before the finish')
  t.strictSame([world.exchanges(), world.checks()], [exchanges, checks])
  t.strictSame((await world.finish(bystander, { code, state })).body, verifiedVictim)
  await tryEverything()
  t.strictSame([world.exchanges(), world.checks()], [exchanges + 1, checks + 1], 'after the finish')
})
