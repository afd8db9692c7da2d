/**
 * Starts over real HTTP on both sides: what the phone gets, what Vonage gets, and that a bad token gets nowhere.
 */

import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createLocalJWKSet, decodeJwt } from 'jose'
import { t as file, test } from 'tap'
import { Pool } from 'undici'
import { createVerification } from '../../src/core/verification.ts'
import { createAccessTokens } from '../../src/idp/access-token.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { createNetworkEnablement } from '../../src/vonage/network-enablement/client.ts'
import { createRoute } from '../../src/vonage/route.ts'
import { createTransport } from '../../src/vonage/transport.ts'
import { createFakeClock } from '../support/clock.ts'
import { createHostileTokens, toleranceSeconds } from '../support/hostile-tokens.ts'
import { createTestKeyRing } from '../support/key-ring.ts'
import { createRsaKeys } from '../support/keys.ts'
import { openPublicServer, startPath } from '../support/public-server.ts'
import {
  audience,
  createTokenProvider,
  issuer,
  phoneNumberClaim,
  requiredScope,
} from '../support/token-provider.ts'
import { callerOf, unobserved } from '../support/unobserved.ts'

const scope = 'dpv:FraudPreventionAndDetection#number-verification-verify-read'
/** The answer of Vonage's concept page. */
const authUrl =
  'https://api-eu.vonage.com/oauth2/auth?client_id=sandbox_test&redirect_uri=https%3A%2F%2Fexample.com%2Fcallback&response_type=code&scope=openid&state=v2_840e17a8-79f2-1a277bff'
const provider = createTokenProvider()
const keys = createRsaKeys()
const received: { headers: IncomingHttpHeaders; body: Record<string, unknown> }[] = []

const upstream = createServer((request, response) => {
  let text = ''
  request.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  request.on('end', () => {
    received.push({ headers: request.headers, body: JSON.parse(text) })
    const entry = { auth_url: authUrl, requires_carrier_network: false, app_url: null }
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ scopes: { [scope]: entry } }))
  })
})
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
const clock = createFakeClock()
const transport = createTransport({
  url: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
  connections: 64,
})
const route = createRoute({ call: 'network_enablement', ...unobserved, transport, maxInFlight: 64, clock })
const operator = createNetworkEnablement({
  startRoute: route,
  tokenRoute: route,
  verifyRoute: route,
  applicationJwt: createTestKeyRing({ applicationId: 'app', primary: keys.privateKey, clock }),
  authUrlPolicy: { hosts: [], http: 'none' as const },
  redirectUri: 'https://example.com/callback',
  startTimeoutMs: 5000,
  finishTimeoutMs: 5000,
  clock,
})
const server = await openPublicServer(file, {
  verification: createVerification({
    ...unobserved,
    operator,
    store: createMemoryStore({ ttlSeconds: 300, maxEntries: 100_000, maxPerCaller: 5, clock }),
    scopes: [scope],
    callingCodes: [],
    ownNumberOnly: false,
  }),
  accessTokens: createAccessTokens({
    issuers: new Map([[issuer, createLocalJWKSet(provider.keySet)]]),
    audiences: [audience],
    clientIds: [],
    requiredClaims: [],
    algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    tokenTypes: ['at+jwt'],
    requiredScope,
    phoneNumberClaim,
    clockToleranceSeconds: toleranceSeconds,
    introspect: undefined,
    onClientAsAudience: () => {},
    digest: (subject) => callerOf(subject).pseudonym,
    clock,
  }),
})
file.teardown(async () => {
  await transport.close()
  upstream.close()
})

function start(token: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(server.url + startPath, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ phone_number: '+346661113334' }),
  })
}

test('the phone gets the two values of the concept page, untouched, and nothing more', async (t) => {
  const answer = await start(provider.token())
  t.equal(answer.status, 200)
  t.equal(await answer.text(), JSON.stringify({ auth_url: authUrl, requires_carrier_network: false }))
})

test('Vonage gets the number, the scopes and a state of ours, and no header of the caller', async (t) => {
  received.length = 0
  await start(provider.token(), {
    cookie: 'canary=1',
    'x-canary': '1',
    'user-agent': 'canary',
    'x-forwarded-for': '1.2.3.4',
  })
  const [call] = received
  t.strictSame(Object.keys(call?.body ?? {}), ['phone_number', 'scopes', 'state'])
  t.strictSame(call?.body.scopes, [scope])
  t.strictSame(Object.keys(call?.headers ?? {}).sort(), [
    'accept',
    'accept-encoding',
    'authorization',
    'connection',
    'content-length',
    'content-type',
    'host',
  ])
  t.notMatch(JSON.stringify(call), /canary/)
})

test('10,000 starts have 10,000 states and share one application JWT', async (t) => {
  received.length = 0
  const client = new Pool(server.url, { connections: 32 })
  t.teardown(() => client.close())
  const headers = { authorization: `Bearer ${provider.token()}`, 'content-type': 'application/json' }
  const request = { headers, body: JSON.stringify({ phone_number: '+346661113334' }) }
  let left = 10_000
  const statuses = new Set<number>()
  async function startInTurn(): Promise<void> {
    while (left-- > 0) {
      const { statusCode, body } = await client.request({ ...request, path: startPath, method: 'POST' })
      statuses.add(statusCode)
      await body.dump()
    }
  }
  await Promise.all(Array.from({ length: 32 }, startInTurn))
  const states = new Set(received.map(({ body }) => String(body.state)))
  const signed = new Set(received.map(({ headers }) => decodeJwt(headers.authorization?.slice(7) ?? '').jti))
  t.strictSame([...statuses], [200])
  t.equal(states.size, 10_000)
  t.ok([...states].every((state) => /^[A-Za-z0-9_-]{43}$/.test(state)))
  t.ok(signed.size <= 2)
})

test('no hostile token reaches Vonage, and each is told why in WWW-Authenticate', async (t) => {
  received.length = 0
  const made = await createHostileTokens(provider, 'https://attacker.example/keys')
  // HTTP itself drops white space around a header's value.
  const hostile = made.filter(({ token }) => token.trim() === token)
  // Making their keys held up the loop; the service refuses work until it has caught up.
  while ((await start('')).status === 503);
  for (const { what, token, code } of hostile) {
    const answer = await start(token)
    t.equal(answer.status, code === 'insufficient_scope' ? 403 : 401, what)
    t.equal(answer.headers.get('www-authenticate'), `Bearer realm="network-enablement", error="${code}"`)
    t.equal(((await answer.json()) as { code: string }).code, code, what)
  }
  t.ok(hostile.length > 30)
  t.equal(received.length, 0)
})
