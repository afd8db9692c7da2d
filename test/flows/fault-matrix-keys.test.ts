/**
 * The fault matrix of the identity provider's keys, against a real service over real sockets. Ages of keys pass by moving the
 * service's monotonic clock.
 */

import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { setTimeout } from 'node:timers/promises'
import { before, type Test, test } from 'tap'
import { Pool } from 'undici'
import { type IdentityProvider, openIdentityProvider, start } from '../support/app-client.ts'
import { compactJwt, signers } from '../support/compact-jwt.ts'
import { startFaultServer } from '../support/fault-server.ts'
import { createRsaKeys } from '../support/keys.ts'
import { assertProblem } from '../support/problem.ts'
import { flood } from '../support/raw-server.ts'
import { openServiceProcess, type ServiceProcess } from '../support/service-process.ts'
import { audience, createTokenProvider, issuer, type TokenProvider } from '../support/token-provider.ts'

const minuteMs = 60_000
const cooldownMs = 5000

let services: ServiceProcess
/** A second provider: its keys are the new ones of a rotation, or an attacker's. */
let other: TokenProvider

before(async () => {
  services = await openServiceProcess()
  other = createTokenProvider()
})

const down: RequestListener = (_request, response) => response.destroy()
const hung: RequestListener = () => {}

interface KeyWorld {
  url: string
  idp: IdentityProvider
  /** What the key server answers from now on: JSON, or a handler. */
  publish(document: unknown): void
  fetches(): number
  /** A start with a token that was never seen before. */
  startsWell(): Promise<number>
}

/** @param warm resolves when the keys have come */
async function openKeyWorld(t: Test, { warm = true } = {}): Promise<KeyWorld> {
  const idp = await openIdentityProvider(t)
  const { keyServer } = idp
  if (!warm) keyServer.documents.set('/keys', down)
  const upstream = await startFaultServer(t)
  const service = await services.open({
    ...idp.settings,
    VONAGE_API_URL: upstream.url,
    VONAGE_REQUESTS_PER_SECOND: '1000',
  })
  t.teardown(() => service.close())
  const world: KeyWorld = {
    url: service.url,
    idp,
    publish: (document) => void keyServer.documents.set('/keys', document),
    fetches: () => keyServer.requests.length,
    async startsWell() {
      const { status, body, elapsedMs } = await start(service.url, '+99012345678', {
        token: idp.tokenOf('alice'),
      })
      t.equal(status, 200, body)
      return elapsedMs
    },
  }
  if (warm) await world.startsWell()
  return world
}

const startWith = ({ url }: KeyWorld, token: string) => start(url, '+99012345678', { token })

function tokenOf(provider: TokenProvider, kid: string): string {
  const iat = Math.floor(Date.now() / 1000)
  const signer = signers.EdDSA(provider.ed.privateKey)
  return provider.token({ header: { alg: 'EdDSA', kid }, claims: { iat, exp: iat + 3600 }, signer })
}

/** Asks until so many fetches have come and been answered. */
async function fetchesReach(t: Test, world: KeyWorld, count: number): Promise<void> {
  const endMs = performance.now() + 5000
  while (world.fetches() < count) {
    t.ok(performance.now() < endMs, `${world.fetches()} fetches`)
    await setTimeout(20)
  }
  await setTimeout(100)
}

test('the fault matrix of the keys', async (t) => {
  t.test('the provider goes down: good tokens are good for hours', async (t) => {
    const world = await openKeyWorld(t)
    world.publish(down)
    for (const minutes of [6, 11, 600]) {
      await services.advance(minutes * minuteMs)
      t.ok((await world.startsWell()) < 1000)
    }
  })

  t.test(
    'the provider is down from the beginning: 503, live, and good within 5 s of its return',
    async (t) => {
      const world = await openKeyWorld(t, { warm: false })
      for (let call = 0; call < 3; call++)
        assertProblem(t, await startWith(world, world.idp.tokenOf('alice')), 'idp_unavailable')
      t.equal((await fetch(`${world.url}/livez`)).status, 200)
      world.publish(world.idp.provider.keySet)
      const returnedMs = performance.now()
      while ((await startWith(world, world.idp.tokenOf('alice'))).status !== 200) {
        t.ok(performance.now() - returnedMs < 5000, 'not after 5 s')
        await setTimeout(100)
      }
    },
  )

  t.test(
    'the provider hangs: a known kid is good at once, an unknown one is 503 in about a second',
    async (t) => {
      const world = await openKeyWorld(t)
      world.publish(hung)
      await services.advance(6 * minuteMs)
      t.ok((await world.startsWell()) < 900)
      const refused = await startWith(world, tokenOf(other, 'new'))
      assertProblem(t, refused, 'idp_unavailable')
      t.ok(refused.elapsedMs > 900 && refused.elapsedMs < 2000, `${refused.elapsedMs} ms`)
      t.ok((await world.startsWell()) < 900)
    },
  )

  t.test('a rotated key is good at once, and the old one while it is published', async (t) => {
    const world = await openKeyWorld(t)
    const rotated = other.keySet.keys.map((key) => ({ ...key, kid: `new-${key.kid}` }))
    world.publish({ keys: [...rotated, ...world.idp.provider.keySet.keys] })
    t.equal((await startWith(world, tokenOf(other, 'new-ed'))).status, 200)
    await world.startsWell()
    t.equal(world.fetches(), 2)
    world.publish({ keys: rotated })
    await services.advance(11 * minuteMs)
    assertProblem(t, await startWith(world, world.idp.tokenOf('alice')), 'invalid_token')
  })

  t.test(
    'under a flood of made-up kids no token of a new key gets 401, and is good within 5 s of its publication',
    async (t) => {
      const world = await openKeyWorld(t)
      const rotated = other.keySet.keys.map((key) => ({ ...key, kid: `new-${key.kid}` }))
      let flooding = true
      const madeUp: number[] = []
      async function attack(): Promise<void> {
        for (let index = 0; flooding; index++) {
          madeUp.push((await startWith(world, unknownKid(index))).status)
          await setTimeout(50)
        }
      }
      const attacking = attack()
      while (!madeUp.includes(503)) await setTimeout(20)
      world.publish({ keys: [...rotated, ...world.idp.provider.keySet.keys] })
      const publishedMs = performance.now()
      for (;;) {
        const answer = await startWith(world, tokenOf(other, 'new-ed'))
        if (answer.status === 200) break
        assertProblem(t, answer, 'idp_unavailable')
        const seconds = Number(answer.headers.get('retry-after'))
        t.ok(seconds >= 1 && seconds <= 5, `${seconds} s`)
        await setTimeout(100)
      }
      const tookMs = performance.now() - publishedMs
      flooding = false
      await attacking
      t.ok(tookMs < cooldownMs + 1000, `${tookMs} ms`)
      t.comment(
        `good after ${Math.round(tookMs)} ms, ${world.fetches()} fetches, ${madeUp.length} made-up kids`,
      )
    },
  )

  const secret = Buffer.alloc(32, 's')
  let sentOf50Mb = 0
  const weak = createRsaKeys(512).publicKey.export({ format: 'jwk' })
  const badSets: Record<string, unknown> = {
    'a redirect to other keys': (_: unknown, response: ServerResponse) =>
      response.writeHead(302, { location: '/elsewhere' }).end(),
    'a set of 50 MB': ({ socket }: IncomingMessage) => {
      socket.write(
        'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 50000000\r\n\r\n{"keys":[',
      )
      flood(socket, Buffer.from('{"kty":"RSA"},'.repeat(1000)), 50_000 / 14)
      socket.once('close', () => {
        sentOf50Mb = socket.bytesWritten
      })
    },
    'a symmetric key': { keys: [{ kty: 'oct', kid: 'ed', alg: 'HS256', k: secret.toString('base64url') }] },
    'an RSA key of 512 bits': { keys: [{ ...weak, kid: 'ed', alg: 'RS256' }] },
    'no keys': { keys: [] },
    HTML: (_: unknown, response: ServerResponse) => response.end('<html></html>'),
    'a list': [],
    'a 500': (_: unknown, response: ServerResponse) => response.writeHead(500).end(),
  }

  t.test('a bad key set never replaces a good one', async (t) => {
    const world = await openKeyWorld(t)
    world.idp.keyServer.documents.set('/elsewhere', other.keySet)
    for (const [what, document] of Object.entries(badSets))
      await t.test(what, async (t) => {
        const count = world.fetches()
        world.publish(document)
        await services.advance(6 * minuteMs)
        await world.startsWell()
        await fetchesReach(t, world, count + 1)
        await world.startsWell()
        const hs256 = compactJwt({ alg: 'HS256', kid: 'ed', typ: 'at+jwt' }, claims(), signers.HS256(secret))
        for (const forged of [tokenOf(other, 'ed'), hs256])
          assertProblem(t, await startWith(world, forged), 'invalid_token')
      })
    t.ok(!world.idp.keyServer.paths().includes('/elsewhere'), 'the redirect was not followed')
    t.ok(sentOf50Mb > 0 && sentOf50Mb < 10_000_000, `${sentOf50Mb} bytes of 50 MB were taken`)
  })

  t.test('10,000 unknown kids cause one fetch in 5 s at most, and good tokens stay good', async (t) => {
    const world = await openKeyWorld(t)
    await services.advance(cooldownMs)
    const tokens = Array.from({ length: 10_000 }, (_, index) => unknownKid(index))
    const pool = new Pool(world.url, { connections: 20 })
    t.teardown(() => pool.close())
    const beganMs = performance.now()
    const statuses: number[] = []
    const goodMs: number[] = []
    async function attack(): Promise<void> {
      for (let token = tokens.pop(); token; token = tokens.pop()) {
        const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
        const path = '/v1/network-enablement'
        const { statusCode, body } = await pool.request({ method: 'POST', path, headers, body: '{}' })
        await body.dump()
        statuses.push(statusCode)
      }
    }
    async function goOn(): Promise<void> {
      while (tokens.length > 0) goodMs.push(await setTimeout(20).then(world.startsWell))
    }
    await Promise.all([goOn(), ...Array.from({ length: 20 }, attack)])
    t.equal(statuses.length, 10_000)
    // 401: after a fetch that did not bring it; 503: before the next one.
    t.ok(statuses.every((status) => status === 401 || status === 503))
    const tookMs = performance.now() - beganMs
    const fetches = world.fetches() - 1
    t.ok(fetches <= 1 + Math.floor(tookMs / cooldownMs), `${fetches} fetches in ${tookMs} ms`)
    const slowest = Math.max(...goodMs)
    t.comment(
      `${Math.round(tookMs)} ms, ${fetches} fetch; ${goodMs.length} good, ${slowest.toFixed(0)} ms at most`,
    )
  })

  t.test('nothing of the tokens is in the log', async (t) => {
    await services.close()
    const log = services.output()
    t.ok(log.split('\n').length > 5000, 'the log was read')
    for (const canary of ['canary', 'eyJ']) t.ok(!log.includes(canary), canary)
  })
})

function claims() {
  const iat = Math.floor(Date.now() / 1000)
  return { iss: issuer, aud: audience, sub: 'mallory', iat, exp: iat + 3600 }
}

/** Well formed but for its signature, which nobody gets to check. */
function unknownKid(index: number): string {
  return compactJwt({ alg: 'EdDSA', kid: `unknown-${index}`, typ: 'at+jwt' }, claims(), () =>
    Buffer.alloc(64, 1),
  )
}
