/**
 * 300 requests a second of all kinds for minutes, with one in twenty upstream calls going wrong: does anything grow? For a quiet Linux
 * machine. Run by `npm run proof:soak`, for longer by `npm run proof:soak -- --minutes 15`.
 */

import { readdirSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { test } from 'tap'
import { Pool } from 'undici'
import { openIdentityProvider } from '../test/support/app-client.ts'
import { type Act, good, json, startFaultServer, stateIn, status } from '../test/support/fault-server.ts'
import { breakages } from '../test/support/http-faults.ts'
import { fail } from '../test/support/must.ts'
import { openServiceProcess } from '../test/support/service-process.ts'
import { unlimited } from '../test/support/upstream.ts'
import { print } from '../test/support/upstream-proofs.ts'

const { values } = parseArgs({ options: { minutes: { type: 'string', default: '2' } } })
const minutes = Number(values.minutes)
const perSecond = 300
const faultShare = 0.05
const callers = 1000
const sampleMs = 5000
/** States, remembered tokens and remembered results live for a minute here: before that, growth is filling up. */
const warmUpMs = 75_000

const startPath = '/v1/network-enablement'
const finishPath = '/v1/number-verification'

/** Kinds that count for the circuit and kinds that do not; five in a row are too rare to open it. */
const faults: Record<string, Act> = {
  'status 500': status(500),
  'status 400': status(400),
  'status 403': status(403),
  'status 429': status(429, ['retry-after: 1']),
  'no JSON': json('nonsense'),
  'a reset': breakages['a reset before the answer'] ?? fail(),
}

/** MB a minute, by least squares. */
function slope(samples: readonly { atMs: number; heapBytes: number }[]): number {
  const mean = (numbers: number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  const meanAt = mean(samples.map(({ atMs }) => atMs))
  const meanHeap = mean(samples.map(({ heapBytes }) => heapBytes))
  const covariance = mean(samples.map(({ atMs, heapBytes }) => (atMs - meanAt) * (heapBytes - meanHeap)))
  return ((covariance / mean(samples.map(({ atMs }) => (atMs - meanAt) ** 2))) * 60_000) / 1e6
}

test(`${perSecond} requests a second for ${minutes} minutes`, async (t) => {
  t.ok(minutes * 60_000 >= warmUpMs + 6 * sampleMs, 'too short to tell')
  const services = await openServiceProcess()
  t.teardown(() => services.close())
  const idp = await openIdentityProvider(t)
  const faulted: Record<string, number> = {}
  let upstreamCalls = 0
  const sometimes =
    (act: Act): Act =>
    (socket, request) => {
      upstreamCalls++
      const kinds = Object.keys(faults)
      const kind = kinds[Math.floor(Math.random() * kinds.length)] ?? ''
      const goesWrong = Math.random() < faultShare
      if (goesWrong) faulted[kind] = (faulted[kind] ?? 0) + 1
      ;(goesWrong ? (faults[kind] ?? act) : act)(socket, request)
    }
  const vonage = await startFaultServer(t, {
    start: sometimes(good.start),
    token: sometimes(good.token),
    verify: sometimes(good.verify),
  })
  const { url } = await services.open({
    ...idp.settings,
    ...unlimited,
    LOG_LEVEL: 'fatal',
    STATE_TTL_SECONDS: '60',
    VONAGE_API_URL: vonage.url,
    VONAGE_TOKEN_URL: `${vonage.url}/oauth2/token`,
  })
  const pool = new Pool(url, { connections: 64 })
  t.teardown(() => pool.close())
  const tokens = Array.from({ length: callers }, (_, n) => idp.tokenOf(`caller-${n}`))
  const started: { token: string; state: string }[] = []
  const counts: Record<string, number> = {}

  async function send(kind: string, expected: number[], path: string, token?: string, body?: unknown) {
    const headers = {
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const options =
      body === undefined ? { method: 'GET' as const } : { method: 'POST' as const, body: text ?? '' }
    const answer = await pool.request({ path, headers, ...options })
    const answered = await answer.body.text()
    const code = /"code":"(\w+)","request_id"/.exec(answered)?.[1] ?? ''
    const what = `${kind} ${answer.statusCode} ${code}`.trim()
    counts[what] = (counts[what] ?? 0) + 1
    t.ok([...expected, ...(code === 'overloaded' ? [503] : [])].includes(answer.statusCode), what)
    return answered
  }

  /** How many of 20 requests. */
  const kinds: [of20: number, act: (n: number) => Promise<unknown>][] = [
    [
      6,
      async (n) => {
        const token = tokens[n % callers] ?? ''
        const answer = await send('start', [200, 502, 503], startPath, token, {
          phone_number: '+99012345678',
        })
        const state = stateIn(answer)
        if (state) started.push({ token, state })
      },
    ],
    [
      5,
      async () => {
        const { token = tokens[0], state = 's'.repeat(43) } = started.shift() ?? {}
        // The oldest states of a caller give way to new ones.
        await send('finish', [200, 400, 403, 502, 503, 504], finishPath, token, { code: 'a-code', state })
      },
    ],
    [4, () => send('landing', [200], `${startPath}/callback?code=a-code&state=${'s'.repeat(43)}`)],
    [
      2,
      (n) => send('bad token', [401], startPath, `${tokens[n % callers]}x`, { phone_number: '+99012345678' }),
    ],
    [2, (n) => send('bad body', [400], finishPath, tokens[n % callers], n % 2 ? '{"code":' : { code: 7 })],
    [1, () => send('nowhere', [404], '/nowhere')],
  ]
  const mixed = kinds.flatMap(([of20, act]) => Array.from({ length: of20 }, () => act))
  const one = (n: number) => (mixed[Math.floor(Math.random() * mixed.length)] ?? fail())(n)

  const samples: { atMs: number; heapBytes: number; files: number; loopDelayP99Ms: number }[] = []
  const beganMs = performance.now()
  const elapsedMs = () => performance.now() - beganMs
  async function sample(): Promise<void> {
    const loopDelayP99Ms = await services.loopDelayP99Ms()
    const files = readdirSync(`/proc/${services.pid}/fd`).length
    const { heapBytes } = await services.weigh()
    // The collector's own pause is not what is measured.
    await services.loopDelayP99Ms()
    samples.push({ atMs: elapsedMs(), heapBytes, files, loopDelayP99Ms })
  }

  const underWay = new Set<Promise<unknown>>()
  const errors: unknown[] = []
  let sent = 0
  while (elapsedMs() < minutes * 60_000) {
    if (elapsedMs() > (samples.length + 1) * sampleMs) await sample()
    while (sent < (elapsedMs() * perSecond) / 1000) {
      const answered = one(sent++)
        .catch((error: unknown) => errors.push(error))
        .finally(() => underWay.delete(answered))
      underWay.add(answered)
    }
    await wait(3)
  }
  await Promise.all(underWay)
  await services.close()

  const settled = samples.filter(({ atMs }) => atMs > warmUpMs)
  const files = settled.map((each) => each.files)
  const heapMbPerMinute = Math.round(slope(settled) * 100) / 100
  const loopDelayP99Ms = Math.round(Math.max(...settled.map((each) => each.loopDelayP99Ms)) * 10) / 10
  t.comment(print(counts))
  t.comment(print(faulted))
  t.comment(
    print({
      sent,
      upstreamCalls,
      samples: settled.length,
      heapMb: Math.round((settled.at(-1)?.heapBytes ?? 0) / 1e5) / 10,
      heapMbPerMinute,
      fewestFiles: Math.min(...files),
      mostFiles: Math.max(...files),
      loopDelayP99Ms,
    }),
  )
  t.strictSame(errors, [])
  t.ok(heapMbPerMinute < 1)
  const half = Math.floor(files.length / 2)
  const most = (some: number[]) => Math.max(...some)
  t.ok(most(files.slice(half)) <= most(files.slice(0, half)) + 10, 'open files grow')
  t.ok(loopDelayP99Ms < 50)
})
