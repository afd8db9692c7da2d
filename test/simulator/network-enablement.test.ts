/**
 * The start at the operator: who may call, with what, how often.
 */

import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { type Test, test } from 'tap'
import {
  applicationJwt,
  entryOf,
  type JwtParts,
  privateKeyPem,
  redirectUri,
  type ScopeEntry,
  scope,
  start,
  startPath,
  startTestSimulator,
} from './harness.ts'

const NUMBER = '+990555000102'
const simulator = await startTestSimulator()
const now = Math.floor(Date.now() / 1000)
const otherKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
// The classic confusion: the public key as the secret of an HMAC.
const publicKeyBytes = new TextEncoder().encode(
  createPublicKey(privateKeyPem).export({ type: 'spki', format: 'pem' }).toString(),
)

const ACCEPTED: Record<string, JwtParts> = {
  'without exp': {},
  'with exp at 30 s after iat': { claims: { exp: now + 30, iat: now } },
  'with exp at 24 h after iat': { claims: { exp: now + 86_400, iat: now } },
  'with iat a little ahead': { claims: { iat: now + 50 } },
  'with nbf': { claims: { nbf: now - 10 } },
}

const REFUSED: Record<string, [JwtParts, string]> = {
  'signed by another key': [{ key: otherKey }, 'unauthorized'],
  'with HS256': [{ header: { alg: 'HS256', typ: 'JWT' }, key: publicKeyBytes }, 'unauthorized'],
  'with RS384': [{ header: { alg: 'RS384', typ: 'JWT' } }, 'unauthorized'],
  'with PS256': [{ header: { alg: 'PS256', typ: 'JWT' } }, 'unauthorized'],
  'without typ': [{ header: { alg: 'RS256' } }, 'unauthorized'],
  'of another application': [{ claims: { application_id: 'another' } }, 'unauthorized'],
  'without application_id': [{ claims: { application_id: undefined } }, 'unauthorized'],
  'without jti': [{ claims: { jti: undefined } }, 'unauthorized'],
  'with an empty jti': [{ claims: { jti: '' } }, 'unauthorized'],
  'without iat': [{ claims: { iat: undefined } }, 'unauthorized'],
  'with iat far ahead': [{ claims: { iat: now + 3600 } }, 'unauthorized'],
  'with nbf far ahead': [{ claims: { nbf: now + 3600 } }, 'unauthorized'],
  'with exp too near': [{ claims: { iat: now, exp: now + 29 } }, 'unauthorized'],
  'with exp too far': [{ claims: { iat: now, exp: now + 86_401 } }, 'unauthorized'],
  'past its exp': [{ claims: { iat: now - 100, exp: now - 50 } }, 'jwt-expired'],
  'past 15 minutes without exp': [{ claims: { iat: now - 901 } }, 'jwt-expired'],
}

async function problemOf(t: Test, response: Response): Promise<string | undefined> {
  t.match(response.headers.get('content-type') ?? '', /^application\/problem\+json/)
  const problem = (await response.json()) as { type: string }
  t.strictSame(Object.keys(problem), ['type', 'title', 'detail', 'instance'])
  return problem.type.split('#')[1]
}

for (const [condition, parts] of Object.entries(ACCEPTED)) {
  test(`accepts an application JWT ${condition}`, async (t) => {
    const response = await start(simulator, NUMBER, { authorization: await applicationJwt(simulator, parts) })
    t.equal(response.status, 200)
  })
}

for (const [condition, [parts, error]] of Object.entries(REFUSED)) {
  test(`refuses an application JWT ${condition}`, async (t) => {
    const response = await start(simulator, NUMBER, { authorization: await applicationJwt(simulator, parts) })
    t.equal(response.status, 401)
    t.equal(await problemOf(t, response), error)
  })
}

test('refuses an unsigned application JWT, none at all, and what is no JWT', async (t) => {
  const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const claims = { application_id: simulator.applicationId, iat: now, jti: 'a-token-id' }
  const unsigned = `Bearer ${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`
  const signed = await applicationJwt(simulator)
  for (const authorization of [unsigned, '', 'Bearer ', 'Bearer x', signed.replace('Bearer', 'Basic')]) {
    const response = await start(simulator, NUMBER, { authorization })
    t.equal(response.status, 401)
    t.equal(await problemOf(t, response), 'unauthorized')
  }
})

test('answers 405 to every other method, in the shape of the gateway', async (t) => {
  for (const method of ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
    const response = await fetch(`${simulator.operatorUrl}${startPath}`, { method })
    t.equal(response.status, 405, method)
    if (method === 'HEAD') continue
    t.strictSame(Object.keys((await response.json()) as object), ['message', '_links', '_embedded'])
  }
})

test('refuses a body with a missing or wrong member with 422', async (t) => {
  const good = { phone_number: NUMBER, scopes: [scope], state: 's' }
  const bodies: unknown[] = [
    {},
    [],
    ...['990555000102', '+0990555000', '+99055', '+9905550001021234', '+99055500010a', 990555000102].map(
      (phone_number) => ({ ...good, phone_number }),
    ),
    { phone_number: NUMBER, scope: scope, state: 's' },
    ...[scope, [], [1], ['']].map((scopes) => ({ ...good, scopes })),
    ...['', 7, undefined].map((state) => ({ ...good, state })),
  ]
  for (const body of bodies) {
    const response = await start(simulator, NUMBER, { body })
    t.equal(response.status, 422, JSON.stringify(body))
    t.equal(await problemOf(t, response), 'invalid-params')
  }
})

test('refuses bad JSON with 400 and another media type with 415', async (t) => {
  const badJson = await start(simulator, NUMBER, { body: '{"phone_number":' })
  t.equal(badJson.status, 400)
  t.equal(await problemOf(t, badJson), 'invalid-params')
  const text = await start(simulator, NUMBER, { headers: { 'content-type': 'text/xml' } })
  t.equal(text.status, 415)
})

test('gives one entry for each scope, and an error for a scope that is not documented', async (t) => {
  const body = { phone_number: NUMBER, scopes: [scope, 'dpv:Other#scope'], state: 'mine' }
  const response = await start(simulator, NUMBER, { body })
  t.equal(response.status, 200)
  const { scopes } = (await response.json()) as { scopes: Record<string, ScopeEntry> }
  t.strictSame(Object.keys(scopes), [scope, 'dpv:Other#scope'])
  t.strictSame(Object.keys(scopes['dpv:Other#scope'] ?? {}), ['error'])
  const { auth_url, ...rest } = scopes[scope] ?? {}
  t.strictSame(rest, { requires_carrier_network: true, app_url: null })
  const { origin, pathname, searchParams } = new URL(String(auth_url))
  t.equal(origin + pathname, `${simulator.operatorUrl}/oauth2/auth`)
  const { state, ...others } = Object.fromEntries(searchParams)
  t.strictSame(others, {
    client_id: simulator.applicationId,
    redirect_uri: redirectUri,
    response_type: 'code',
    scope: scope,
  })
  t.match(state ?? '', /^v2_[\w-]{32}$/)
})

test('names the documented members in the error of a scope', async (t) => {
  const entry = await entryOf(await start(simulator, '+34600000000'))
  t.strictSame(Object.keys(entry ?? {}), ['error'])
  t.strictSame(Object.keys(entry?.error ?? {}), ['title', 'instance', 'detail', 'error_type'])
  t.equal(entry?.error?.title, 'Forbidden')
  t.equal(entry?.error?.error_type, 'UNAUTHORIZED')
})

test('admits the quota in every sliding second and answers 429 beyond it', async (t) => {
  let clockMs = Date.now()
  const limited = await startTestSimulator({ requestsPerSecond: 3, now: () => clockMs })
  const statusNow = async () => (await start(limited, NUMBER)).status
  t.strictSame([await statusNow(), await statusNow()], [200, 200])
  clockMs += 600
  t.strictSame([await statusNow(), await statusNow()], [200, 429])
  clockMs += 399
  t.equal(await statusNow(), 429)
  clockMs += 1
  t.strictSame([await statusNow(), await statusNow(), await statusNow()], [200, 200, 429])

  const refused = await start(limited, NUMBER)
  t.equal(refused.headers.get('retry-after'), '1')
  t.equal(refused.headers.get('x-ratelimit-limit'), '3, 3;w=1')
  t.equal(await problemOf(t, refused), 'throttled')
})

test('does not count requests without a good token against the quota', async (t) => {
  const clockMs = Date.now()
  const limited = await startTestSimulator({ requestsPerSecond: 1, now: () => clockMs })
  t.equal((await start(limited, NUMBER, { authorization: '' })).status, 401)
  const admitted = await start(limited, NUMBER)
  t.equal(admitted.status, 200)
  t.equal(admitted.headers.get('x-ratelimit-limit'), '1, 1;w=1')
})
