/**
 * `npm run bench -- --micro`: what the single steps of a start cost, in one process and without I/O. The median of many short
 * repeats, so that a pause of the machine or of the collector does not count.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { openSync } from 'node:fs'
import { setImmediate } from 'node:timers/promises'
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { createLocalJWKSet, type JWK } from 'jose'
import { destination } from 'pino'
import { createKeyedDigest } from '../src/core/keyed-digest.ts'
import { parsePhoneNumber } from '../src/core/phone-number.ts'
import { mintState } from '../src/core/state.ts'
import { reportRequest } from '../src/http/request-log.ts'
import { createAccessTokens } from '../src/idp/access-token.ts'
import { createLog } from '../src/observability/logger.ts'
import { createMetrics } from '../src/observability/metrics.ts'
import { createMemoryStore } from '../src/store/memory.ts'
import { createMemoryCounters } from '../src/store/memory-counters.ts'
import { openRecord, sealRecord } from '../src/store/record.ts'
import { createApplicationJwt } from '../src/vonage/application-jwt.ts'
import { isAllowedAuthUrl } from '../src/vonage/auth-url.ts'
import { figure, table, writeSection } from './harness/document.ts'
import { median } from './harness/statistics.ts'
import { expectedReply, scope } from './harness/stub.ts'

const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }
const batchMs = 20
const repeats = 41

/** Microseconds of one call. Batches are as long as `batchMs`; the first ones, while V8 still compiles, are thrown away. */
async function cost(step: (index: number) => unknown): Promise<number> {
  let index = 0
  const batch = async (count: number) => {
    const startedAt = performance.now()
    for (let i = 0; i < count; i++) {
      const result = step(index++)
      if (result instanceof Promise) await result
    }
    return performance.now() - startedAt
  }
  let count = 16
  while ((await batch(count)) < batchMs / 2) count *= 2
  for (let warm = 0; warm < 4; warm++) await batch(count)
  const times: number[] = []
  for (let repeat = 0; repeat < repeats; repeat++) times.push(((await batch(count)) / count) * 1000)
  return median(times)
}

const algorithms: Record<
  string,
  { pair: () => { privateKey: KeyObject; publicKey: KeyObject }; digest: string | null }
> = {
  RS256: { pair: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), digest: 'sha256' },
  PS256: { pair: () => generateKeyPairSync('rsa', { modulusLength: 2048 }), digest: 'sha256' },
  ES256: { pair: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }), digest: 'sha256' },
  EdDSA: { pair: () => generateKeyPairSync('ed25519'), digest: null },
}

function tokenParts(alg: string) {
  const { pair, digest } = algorithms[alg] as (typeof algorithms)[string]
  const { privateKey, publicKey } = pair()
  const jwk = { ...publicKey.export({ format: 'jwk' }), kid: alg, alg, use: 'sig' } as JWK
  const accessTokens = createAccessTokens({
    issuers: new Map([['https://idp.example', createLocalJWKSet({ keys: [jwk] })]]),
    audiences: ['bff'],
    clientIds: [],
    requiredClaims: [],
    algorithms: [alg],
    tokenTypes: ['at+jwt'],
    requiredScope: undefined,
    phoneNumberClaim: undefined,
    clockToleranceSeconds: 5,
    introspect: undefined,
    onClientAsAudience: () => {},
    digest: (subject) => subject,
    clock,
  })
  const make = (index: number) => {
    const exp = Math.floor(Date.now() / 1000) + 3600
    const parts = [
      { alg, typ: 'at+jwt', kid: alg },
      {
        iss: 'https://idp.example',
        aud: 'bff',
        sub: `user-${index}`,
        client_id: 'app',
        scope: 'openid',
        exp,
        jti: String(index),
      },
    ]
    const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')
    const key = {
      key: privateKey,
      ...(alg === 'PS256' && { padding: 6, saltLength: 32 }),
      ...(alg === 'ES256' && { dsaEncoding: 'ieee-p1363' as const }),
    }
    return `${text}.${sign(digest, Buffer.from(text), key).toString('base64url')}`
  }
  return { accessTokens, make }
}

export async function runMicro(): Promise<string> {
  const rows: [string, string][] = []
  const add = async (title: string, step: (index: number) => unknown) =>
    void rows.push([title, figure(await cost(step))])

  for (const alg of Object.keys(algorithms)) {
    const { accessTokens, make } = tokenParts(alg)
    // More than are remembered, in a circle: each is checked anew.
    const fresh = Array.from({ length: 10_500 }, (_, index) => make(index))
    await add(`access token, ${alg}, new`, (index) =>
      accessTokens.verify(fresh[index % fresh.length] as string),
    )
    if (alg === 'RS256') await add('access token, seen before', () => accessTokens.verify(fresh[0] as string))
  }

  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const signing = { applicationId: 'an-application', privateKey: createPrivateKey(pem), clock }
  await add('application JWT, signed', () => createApplicationJwt(signing).current())
  const applicationJwt = createApplicationJwt(signing)
  await add('application JWT, kept', () => applicationJwt.current())

  await add('a state', mintState)
  const phoneNumber = parsePhoneNumber('+99012345678')
  if (!phoneNumber) throw new Error('not a number')
  const pending = { phoneNumber, scope }
  const store = createMemoryStore({ ttlSeconds: 300, maxEntries: 10_000_000, maxPerCaller: 5, clock })
  const state = mintState()
  await add('memory store: put and take', async (index) => {
    await store.put(`user-${index}`, state, pending)
    await store.take(`user-${index}`, state)
  })
  await add('memory store: put, caller at the cap', (index) =>
    store.put(`user-${index % 100}`, state, pending),
  )
  const sealed = sealRecord(pending, state)
  await add('Redis record: seal and open', () => openRecord(sealed, state) && sealRecord(pending, state))

  const digest = createKeyedDigest(pem)
  const counters = createMemoryCounters({ clock })
  await add('rate limit: digest and count', (index) =>
    counters.hit(`caller:${digest(`user-${index % 1000}`)}`, 60_000),
  )

  const log = createLog({
    level: 'info',
    stream: destination({ fd: openSync('/dev/null', 'w'), sync: true, minLength: 4096 }),
  })
  const events = createMetrics().events
  const request = {
    id: '5f0c7a52-7d3c-4a53-9f0e-1f2d3c4b5a69',
    method: 'POST',
    headers: {},
    body: { phone_number: '+99012345678' },
    caller: { subject: 'user', pseudonym: digest('user') },
    routeOptions: { url: '/v1/network-enablement', config: { step: 'start' } },
  } as unknown as FastifyRequest
  const reply = { statusCode: 200, elapsedTime: 1.2345 } as FastifyReply
  await add('log line and events of a request', (index) => {
    reportRequest({ log: log.logger, events }, request, reply)
    // Events are counted at the end of a turn.
    return index % 16 === 0 ? setImmediate() : undefined
  })
  log.close()

  const body = TypeCompiler.Compile(
    Type.Object({ phone_number: Type.String() }, { additionalProperties: false }),
  )
  await add('body: parse and validate', () => body.Check(JSON.parse('{"phone_number":"+99012345678"}')))
  await add('phone number', () => parsePhoneNumber('+99012345678'))
  await add('auth_url, checked', () => isAllowedAuthUrl(expectedReply.auth_url, { hosts: [], http: 'none' }))

  const result = table(['step', 'µs'], rows)
  writeSection('micro', result)
  return result
}
