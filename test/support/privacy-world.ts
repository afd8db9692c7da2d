/** Services at their most talkative, whose every word is kept: log, metrics, traces, problems, and what Redis is sent and holds. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Environment } from '../../src/config.ts'
import { type IdentityProvider, openIdentityProvider } from './app-client.ts'
import { type Canaries, createCanaries, signatureOf } from './canaries.ts'
import { openCollector } from './collector.ts'
import { receiptSettings, requiredSettings } from './environment.ts'
import { nameOf, type Product, productOf, productSettings } from './fault-matrix.ts'
import type { FaultRow } from './fault-rows-start.ts'
import {
  accessTokenCanary,
  badPlaces,
  createCertificate,
  type FaultServer,
  landingIn,
  startFaultServer,
  stateIn,
  upstreamCanary,
} from './fault-server.ts'
import { createKeys, privatePem } from './keys.ts'
import { call, type RawAnswer, type RawRequest, requestBytes } from './raw-http.ts'
import { contentsOf, watchRedis } from './redis-contents.ts'
import { startRedis } from './redis-server.ts'
import { type HostedService, openServiceProcess, type ServiceProcess } from './service-process.ts'

export const redisPassword = 'canary-redis-password'
const budgetMs = '400'
/** What a machine busy with other tests may answer: a permit, Redis or Vonage came too late. The fault matrix is not so lenient. */
const lateOutcomes: ReadonlySet<FaultRow['expected']> = new Set<FaultRow['expected']>([
  'upstream_busy',
  'upstream_timeout',
  'outcome_unknown',
  'store_unavailable',
  'overloaded',
])

export interface PrivacyWorld {
  canaries: Canaries
  idp: IdentityProvider
  process: ServiceProcess
  /** The codes of all problems so far. */
  codes: Set<string>
  /** A service of its own before a Vonage of its own, with Redis unless the settings say otherwise. */
  open(settings?: Environment, product?: Product): Promise<Lane>
  /** Runs a verification as far as it goes, while Vonage does what the row says. */
  runRow(t: Test, row: FaultRow, index: number): Promise<void>
  /** When everything has been done: closes it, and collects the last words. */
  end(): Promise<void>
}

export interface Lane {
  service: HostedService
  vonage: FaultServer
  /** Sends, and shows the answer where it is a problem. */
  send(request: RawRequest): Promise<RawAnswer>
  start(token: string, body: unknown): Promise<RawAnswer>
  land(query: Record<string, string>): Promise<RawAnswer>
  finish(token: string, body: unknown): Promise<RawAnswer>
  sendSms(token: string, body: unknown): Promise<RawAnswer>
  /** Keeps its metrics and what its Vonage got, and closes it. */
  close(): Promise<void>
}

export async function openPrivacyWorld(t: Test): Promise<PrivacyWorld> {
  const canaries = createCanaries()
  const codes = new Set<string>()
  const folder = mkdtempSync(join(tmpdir(), 'privacy-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const trusted = createCertificate()
  writeFileSync(join(folder, 'ca.pem'), trusted.cert)
  const process = await openServiceProcess(join(folder, 'ca.pem'))
  t.teardown(() => process.close())
  const redis = await startRedis(t, {
    settings: ['--requirepass', redisPassword, '--databases', '1000'],
    client: { password: redisPassword },
  })
  const commands = await watchRedis(t, redis, redisPassword)
  const collector = await openCollector(t)
  const idp = await openIdentityProvider(t)
  const places = badPlaces(trusted)

  canaries.add('Redis password', redisPassword)
  canaries.add("Vonage's access token", accessTokenCanary)
  canaries.add("Vonage's words", upstreamCanary)
  const receipts: Environment = {
    ...receiptSettings(),
    RECEIPT_PRIVATE_KEY_NEXT: privatePem(createKeys('Ed25519')),
  }
  for (const pem of [
    requiredSettings().VONAGE_PRIVATE_KEY,
    receipts.RECEIPT_PRIVATE_KEY,
    receipts.RECEIPT_PRIVATE_KEY_NEXT,
  ])
    for (const line of pem?.split('\n').slice(1, -2) ?? []) canaries.add('private key', line)

  function judge(answer: RawAnswer): RawAnswer {
    if (answer.status === 200) {
      // The last member, where there is one; its claims hold the number, the subject and more.
      const { receipt = '' } = JSON.parse(answer.body) as { receipt?: string }
      canaries.add('receipt', receipt)
      for (const part of receipt.split('.').slice(1)) canaries.add('part of a receipt', part)
      return answer
    }
    codes.add(JSON.parse(answer.body).code)
    canaries.show('problems', [answer.body, ...answer.lines].join('\n'))
    return answer
  }

  /** One for each service: they share neither state nor quota. */
  let databases = 0

  async function open(settings: Environment = {}, product: Product = 'network_enablement'): Promise<Lane> {
    const database = databases++
    const vonage = await startFaultServer(t)
    const service = await process.open({
      ...idp.settings,
      ...productSettings(product, vonage.url),
      VONAGE_AUTH_URL_HOSTS: '127.0.0.1',
      VONAGE_REQUESTS_PER_SECOND: '100',
      START_TIMEOUT_MS: budgetMs,
      FINISH_TIMEOUT_MS: budgetMs,
      REDIS_URL: `${redis.url.replace('//', `//:${redisPassword}@`)}/${database}`,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin,
      ...receipts,
      ...settings,
    })
    if (settings.REDIS_URL === undefined)
      while ((await call(service.url, { target: '/readyz' })).status !== 200);
    /** A machine busy with other tests may set load shedding off, which comes before anything has run. */
    async function send(request: RawRequest, triesLeft = 10): Promise<RawAnswer> {
      const answer = judge(await call(service.url, request))
      if (triesLeft === 0 || !answer.body.includes('"overloaded"')) return answer
      await wait(50)
      return send(request, triesLeft - 1)
    }
    const post = (target: string, token: string, body: unknown) =>
      send({
        method: 'POST',
        target,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      })
    return {
      service,
      vonage,
      send,
      start: (token, body) => post('/v1/network-enablement', token, body),
      land: (query) => send({ target: `/v1/network-enablement/callback?${new URLSearchParams(query)}` }),
      finish: (token, body) => post('/v1/number-verification', token, body),
      sendSms: (token, body) => post('/v1/sms-verification', token, body),
      async close() {
        canaries.show('Redis', JSON.stringify(await contentsOf(redis, database)))
        canaries.show('metrics', (await call(service.managementUrl, { target: '/metrics' })).body)
        for (const request of [...vonage.calls('start'), ...vonage.calls('verify_v2')])
          canaries.add('application JWT', signatureOf(/bearer (\S+)/i.exec(request)?.[1] ?? ''))
        for (const request of vonage.calls('start')) canaries.add('state', stateIn(request))
        await service.close()
      },
    }
  }

  /** @returns what the device got: from us, or from Vonage itself */
  async function landOn(lane: Lane, started: string, code: string): Promise<string> {
    const { request_id: requestId } = landingIn(started, code)
    if (requestId !== undefined) {
      canaries.add('request_id', requestId)
      return JSON.stringify({ code, request_id: requestId })
    }
    const state = stateIn(lane.vonage.calls('start').at(-1) ?? '')
    const landed = await lane.land({ code, state })
    t.equal(landed.status, 200)
    return landed.body
  }

  /** @returns how it ended */
  async function attempt(row_t: Test, row: FaultRow, index: number): Promise<FaultRow['expected']> {
    const place = row.place && (await places[row.place](row_t))
    const lane = await open(
      {
        ...(place && row.step === 'start' && { VONAGE_API_URL: place.url }),
        ...(place && row.step === 'token' && { VONAGE_TOKEN_URL: `${place.url}/oauth2/token` }),
        ...(place && row.step === 'verify_v2' && { VONAGE_VERIFY_URL: place.url }),
      },
      productOf(row.step),
    )
    lane.vonage.behave(row.act ? { [row.step]: row.act } : {})
    const subject = `canary-subject-${index}`
    const [number, code, token] = [
      // No run of zeros, as sums in metrics have it.
      `990${71_394_271 + index}`,
      `canary-code-${index}-`,
      idp.tokenOf(subject),
    ]
    canaries.add('number', number)
    canaries.add('code', code)
    canaries.add('access token', signatureOf(token))
    canaries.add('subject', subject)
    let answer = await lane.start(token, { phone_number: `+${number}` })
    if (answer.status === 200) {
      const landing = await landOn(lane, answer.body, code)
      answer = await lane.finish(token, landing)
      await lane.finish(token, landing)
    }
    await lane.close()
    return answer.status === 200 ? 200 : JSON.parse(answer.body).code
  }

  return {
    canaries,
    idp,
    process,
    codes,
    open,

    async runRow(row_t, row, index) {
      let outcome = await attempt(row_t, row, index)
      for (let again = 0; again < 3 && outcome !== row.expected && lateOutcomes.has(outcome); again++)
        outcome = await attempt(row_t, row, index)
      row_t.equal(outcome, row.expected, nameOf(row))
    },

    async end() {
      canaries.show('commands to Redis', commands.join('\n'))
      await process.close()
      canaries.show('standard output and standard error', process.output())
      canaries.show('traces', collector.bodies.join('\n'))
      for (const [place, text] of [
        ['commands to Redis', commands.join('')],
        ['traces', collector.bodies.join('')],
      ] as const)
        t.ok(text.length > 10_000, `${place} were not seen`)
    },
  }
}

/** Sends the head of a request and half of its body, and waits for the end of the service's patience. */
export async function dawdle(url: string, request: RawRequest): Promise<RawAnswer> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  socket.write(requestBytes(request).slice(0, -20))
  const text = Buffer.concat(await socket.toArray()).toString()
  const [head = '', body = ''] = text.split('\r\n\r\n')
  const [statusLine = '', ...lines] = head.split('\r\n')
  return { status: Number(statusLine.split(' ')[1]), headers: new Headers(), lines, body }
}
