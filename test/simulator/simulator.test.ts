/**
 * The simulator around the operator: identity provider, hop log, record of calls, closing, and the README's table.
 */

import { spawn } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { test } from 'tap'
import { createHopRecorder, type Hop } from '../../simulator/hops.ts'
import { findNumberRow, numbers, numbersAsMarkdown } from '../../simulator/numbers.ts'
import { startSimulator } from '../../simulator/simulator.ts'
import { createTickets } from '../../simulator/tickets.ts'
import {
  authUrlFor,
  codeFor,
  exchange,
  scope,
  start,
  startPath,
  startTestSimulator,
  verify,
  verifyPath,
  walk,
} from './harness.ts'

const simulator = await startTestSimulator()

async function verifyAccessToken(token: string) {
  return jwtVerify(token, createRemoteJWKSet(new URL(simulator.jwksUri)), {
    issuer: simulator.issuer,
    audience: simulator.audience,
    typ: 'at+jwt',
    algorithms: ['ES256'],
    requiredClaims: ['iat', 'exp', 'jti'],
  })
}

test('issues access tokens that verify against the discovered keys', async (t) => {
  const discovered = await fetch(`${simulator.issuer}/.well-known/openid-configuration`)
  const { issuer, jwks_uri, token_endpoint } = (await discovered.json()) as Record<string, string>
  t.strictSame(
    { issuer, jwks_uri, token_endpoint },
    { issuer: simulator.issuer, jwks_uri: simulator.jwksUri, token_endpoint: simulator.issuerTokenUrl },
  )
  const { payload } = await verifyAccessToken(
    await simulator.issueAccessToken('alice.B-1_x', { scope: 'a b:c' }),
  )
  t.hasStrict(payload, { sub: 'alice.B-1_x', client_id: 'alice.B-1_x', scope: 'a b:c' })
  t.equal(Number(payload.exp) - Number(payload.iat), 3600)
  const { payload: plain } = await verifyAccessToken(await simulator.issueAccessToken('bob'))
  t.equal('scope' in plain, false)
})

test('refuses a subject outside the allowed form', async (t) => {
  for (const subject of ['', 'a b', 'a/b', 'x'.repeat(65)]) {
    await t.rejects(simulator.issueAccessToken(subject), /refused/)
  }
})

test('signs with the newest key and keeps the older ones published', async (t) => {
  const before = await simulator.issueAccessToken('alice')
  await simulator.rotateKeys()
  const after = await simulator.issueAccessToken('alice')
  const { keys } = (await (await fetch(simulator.jwksUri)).json()) as { keys: Array<{ kid: string }> }
  t.strictSame(
    keys.map(({ kid }) => kid),
    [after, before].map((token) => decodeProtectedHeader(token).kid),
  )
  await verifyAccessToken(before)
  await verifyAccessToken(after)
})

test('logs every hop of a flow, redacted, and tells subscribers', async (t) => {
  const number = '+990555777102'
  const state = 'caller-state-which-is-long'
  const seen: Hop[] = []
  const unsubscribe = simulator.hops.subscribe((hop) => seen.push(hop))
  const body = { phone_number: number, scopes: [scope], state }
  const started = await start(simulator, number, { body })
  const { scopes } = (await started.json()) as { scopes: Record<string, { auth_url: string }> }
  const authUrl = scopes[scope]?.auth_url ?? ''
  const { landing } = await walk(simulator, authUrl)
  const code = landing.searchParams.get('code') ?? ''
  const { access_token } = (await (await exchange(simulator, code)).json()) as { access_token: string }
  await verify(simulator, access_token, { phoneNumber: number })
  await verify(simulator, access_token, { phoneNumber: number })
  unsubscribe()
  await start(simulator, number)

  t.strictSame(
    seen.map(({ from, to, method, path, status }) => `${from} ${to} ${method} ${path} ${status}`),
    [
      `service vonage POST ${startPath} 200`,
      'device vonage GET /oauth2/auth 302',
      'device carrier GET /carrier/identify 302',
      'device carrier GET /carrier/consent 302',
      'device vonage GET /oauth2/callback 302',
      'service vonage POST /oauth2/token 200',
      `service vonage POST ${verifyPath} 200`,
      `service vonage POST ${verifyPath} 401`,
    ],
  )
  const [first, , , , last, token, verified, refused] = seen
  t.strictSame(first?.request, { phone_number: '+**********02', scopes: [scope], state: 'caller…' })
  const lastResponse = last?.response as { location: string }
  t.match(lastResponse.location, /\?code=[\w-]{6}…&state=caller…$/)
  t.hasStrict(token?.request, { code: `${code.slice(0, 6)}…` })
  t.strictSame(verified?.response, { devicePhoneNumberVerified: true })
  t.hasStrict(refused?.response, { code: 'UNAUTHENTICATED' })
  const log = JSON.stringify(seen)
  const wrapped = new URL(authUrl).searchParams.get('state') ?? ''
  for (const secret of [number.slice(1), number.slice(4, 10), state, code, access_token, wrapped]) {
    t.equal(log.includes(secret), false)
  }
  t.strictSame(simulator.hops.list().slice(-seen.length - 1, -1), seen)
})

test('logs a cut connection with status 0', async (t) => {
  await start(simulator, '+990000001016').catch(() => undefined)
  const hop = simulator.hops.list().at(-1)
  t.equal(hop?.status, 0)
  t.equal(hop?.response, null)
})

test('counts requests by path and keeps what the service sent, for tests', async (t) => {
  const before = simulator.hops.count('/oauth2/token')
  await exchange(simulator, await codeFor(simulator, '+990555000102'))
  t.equal(simulator.hops.count('/oauth2/token'), before + 1)
  t.equal(simulator.hops.count('/unknown'), 0)
  const [started, exchanged] = simulator.received().slice(-2)
  t.equal(started?.path, startPath)
  t.equal(started?.headers['content-type'], 'application/json')
  t.ok(started?.rawHeaders.includes('content-type'))
  t.strictSame(started?.body, {
    phone_number: '+990555000102',
    scopes: [scope],
    state: 'the-state-of-the-caller',
  })
  t.hasStrict(exchanged?.body, { grant_type: 'authorization_code' })
})

test('answers 404 in the shape of the gateway, and says when it is up', async (t) => {
  const unknown = await fetch(`${simulator.operatorUrl}/unknown`)
  t.equal(unknown.status, 404)
  t.strictSame(Object.keys((await unknown.json()) as object), ['message', '_links', '_embedded'])
  t.equal((await fetch(`${simulator.operatorUrl}/livez`)).status, 200)
})

test('keeps a bounded log and record', async (t) => {
  const recorder = createHopRecorder()
  const call = { atMs: 0, path: startPath, headers: {}, rawHeaders: [], body: undefined }
  const hop = { at: '', method: 'POST', path: startPath, status: 200, request: null, response: null }
  for (let i = 0; i < 1001; i++) {
    recorder.arrive(call)
    recorder.record({ ...hop, durationMs: i })
  }
  t.equal(recorder.count(startPath), 1001)
  t.equal(recorder.received().length, 1000)
  t.equal(recorder.list().length, 1000)
  t.equal(recorder.list()[0]?.durationMs, 1)
})

test('keeps a bounded number of tickets, the newest', async (t) => {
  const tickets = createTickets<number>({ lifetimeMs: 1, now: () => 0 })
  const [first, second] = Array.from({ length: 10_001 }, (_, i) => tickets.issue(i))
  t.equal(tickets.read(first ?? ''), undefined)
  t.equal(tickets.read(second ?? ''), 1)
})

test('advertises other URLs than it listens on when told to', async (t) => {
  const hidden = await startTestSimulator({ operatorUrl: 'http://operator:4000', issuer: 'http://idp:4001' })
  t.equal(hidden.operatorUrl, 'http://operator:4000')
  t.equal(hidden.tokenUrl, 'http://operator:4000/oauth2/token')
  t.equal(hidden.jwksUri, 'http://idp:4001/jwks')
  const [, payload] = (await hidden.issueAccessToken('alice')).split('.')
  t.equal(JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()).iss, 'http://idp:4001')
})

test('refuses a port that is taken, and leaves nothing open', async (t) => {
  const operatorPort = Number(new URL(simulator.operatorUrl).port)
  await t.rejects(startTestSimulator({ operatorPort }), { code: 'EADDRINUSE' })
})

test('closes at once, late answers included', async (t) => {
  const short = await startTestSimulator()
  const late = start(short, '+990000001015')
  const ended = t.rejects(late)
  while (short.hops.count(startPath) === 0) await setImmediate()
  await short.close()
  await ended
  await t.rejects(fetch(short.operatorUrl))
  await t.rejects(fetch(short.issuer))
})

test('the numbers table names each number once, and each row decides its example', async (t) => {
  const names = numbers.map(({ number }) => number)
  t.equal(new Set(names).size, names.length)
  for (const row of numbers) t.equal(findNumberRow(row.example), row)
  // 99 wins over odd, and single numbers win over the rule.
  t.equal(findNumberRow('+99099').outcome, findNumberRow('+99011111199').outcome)
})

test('the README has the numbers table', async (t) => {
  const readme = readFileSync(new URL('../../simulator/README.md', import.meta.url), 'utf8')
  t.ok(readme.includes(numbersAsMarkdown()), `replace the table by:\n${numbersAsMarkdown()}`)
})

test('an auth_url can be opened again, and each opening has its own code', async (t) => {
  const authUrl = await authUrlFor(simulator, '+990555000102')
  const first = await walk(simulator, authUrl)
  const second = await walk(simulator, authUrl)
  t.not(first.landing.searchParams.get('code'), second.landing.searchParams.get('code'))
})

test('runs as a process that prints an env file, and takes its key with it', async (t) => {
  const main = fileURLToPath(new URL('../../simulator/main.ts', import.meta.url))
  const env = { ...process.env, SIMULATOR_PORT: '0', SIMULATOR_IDP_PORT: '0' }
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const [output] = (await once(child.stdout, 'data')) as [Buffer]
  const settings = parseEnv(output.toString())
  t.strictSame(Object.keys(settings).sort(), [
    'AUTH_AUDIENCE',
    'AUTH_ISSUER',
    'RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY',
    'RATE_LIMIT_NUMBER_PER_HOUR',
    'VONAGE_API_URL',
    'VONAGE_APPLICATION_ID',
    'VONAGE_BRAND',
    'VONAGE_PRIVATE_KEY_FILE',
    'VONAGE_REDIRECT_URI',
    'VONAGE_TOKEN_URL',
    'VONAGE_VERIFY_URL',
  ])
  const keyFile = String(settings.VONAGE_PRIVATE_KEY_FILE)
  t.equal(statSync(keyFile).mode & 0o777, 0o600)
  createPrivateKey(readFileSync(keyFile))
  t.equal((await fetch(`${settings.VONAGE_API_URL}/livez`)).status, 200)
  child.kill('SIGTERM')
  t.strictSame(await exited, [0, null])
  t.equal(existsSync(keyFile), false)
})

test('ends with the npm that started it', async (t) => {
  const env = { ...process.env, SIMULATOR_PORT: '0', SIMULATOR_IDP_PORT: '0' }
  const npm = spawn('npm', ['run', '-s', 'simulator'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  await once(npm.stdout, 'data')
  npm.kill('SIGTERM')
  // The simulator holds it as long as it lives.
  await once(npm.stdout, 'close')
  t.ok(npm.stdout.closed)
})

test('its identity provider wears the form of a real one', async (t) => {
  const worn = await startSimulator({ redirectUri: 'http://127.0.0.1:1/callback', idp: 'okta' })
  t.teardown(() => worn.close())
  t.equal(worn.identitySettings.AUTH_TOKEN_TYPES, 'none')
  const body = new URLSearchParams({ client_id: 'alice', kind: 'machine' })
  const answer = (await (await fetch(worn.issuerTokenUrl, { method: 'POST', body })).json()) as {
    access_token: string
  }
  const [, payload = ''] = answer.access_token.split('.')
  t.equal(JSON.parse(Buffer.from(payload, 'base64url').toString()).cid, 'm2m')
  const unknown = new URLSearchParams({ client_id: 'alice', kind: 'anonymous' })
  t.equal((await fetch(worn.issuerTokenUrl, { method: 'POST', body: unknown })).status, 400)
  await t.rejects(startSimulator({ redirectUri: 'http://127.0.0.1:1/callback', idp: 'nobody' }), /okta/)
})
