/**
 * What the duties cost whoever does them: the limit and, in one plain file, what the service has to do for a start besides. By the
 * cheapest means known here, with no structure and no path but the good one; every token counts as one seen before.
 * DUTIES names those that are done, separated by commas.
 */
import { hash, randomFillSync, randomUUID } from 'node:crypto'
import fastify from 'fastify'
import { destination, pino } from 'pino'
import { Counter, Histogram, Registry } from 'prom-client'
import { Pool } from 'undici'
import {
  announce,
  duties,
  type NetworkEnablementAnswer,
  staticJwt,
  toReply,
  upstreamBody,
  upstreamOrigin,
} from './settings.ts'

const [token, limits, state, deadline, url, headers, log, metrics] = duties.map((duty) =>
  (process.env.DUTIES ?? '').split(',').includes(duty),
)

const pool = new Pool(upstreamOrigin, { connections: 512, headersTimeout: 0, bodyTimeout: 0 })
const lines = pino({ base: null }, destination({ fd: 1, sync: true, minLength: 4096 }))

const registers = [new Registry()]
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const labelled = (name: string, labelNames: string[]) => ({ name, help: name, labelNames, registers })
const started = new Counter(labelled('started', ['country']))
const issued = new Counter(labelled('issued', ['country']))
const called = new Histogram({ ...labelled('called', ['call', 'outcome']), buckets })
const answered = new Histogram({ ...labelled('answered', ['route', 'method', 'status']), buckets })

const callers = new Map<string, string>()
const hits = new Map<string, number>()
let states = new Map<string, object>()
const drawn = Buffer.alloc(4096)
let used = drawn.length

function digest(text: string): string {
  return hash('sha3-256', `a key of the deployment, as long as one is${text}`, 'base64url').slice(0, 22)
}

function hit(key: string): number {
  const count = (hits.get(key) ?? 0) + 1
  hits.set(key, count)
  return count
}

function callerOf(authorization: string): string {
  const name = hash('sha256', authorization.slice(7), 'base64url')
  const known = callers.get(name)
  if (known !== undefined) return known
  const pseudonym = digest(name)
  callers.set(name, pseudonym)
  return pseudonym
}

function keepState(entry: object): void {
  if (used === drawn.length) {
    randomFillSync(drawn)
    used = 0
  }
  if (states.size === 100_000) states = new Map()
  states.set(drawn.toString('base64url', used, used + 32), entry)
  used += 32
}

let gathered: (() => void)[] = []
function later(work: () => void): void {
  if (gathered.push(work) > 1) return
  setImmediate(() => {
    const all = gathered
    gathered = []
    for (const one of all) one()
  })
}

function call(body: string, signal?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const giveUp = () => reject(signal?.reason)
    signal?.addEventListener('abort', giveUp)
    pool.dispatch(
      {
        method: 'POST',
        path: '/v0.1/network-enablement',
        headers: { authorization: `Bearer ${staticJwt}`, 'content-type': 'application/json' },
        body,
      },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData(_controller, chunk) {
          text += chunk
        },
        onResponseEnd() {
          signal?.removeEventListener('abort', giveUp)
          resolve(text)
        },
        onResponseError(_controller, error) {
          reject(error)
        },
      },
    )
  })
}

const app = fastify()
app.post<{ Body: { phone_number: string } }>('/v1/network-enablement', async (request, reply) => {
  const cameAtMs = performance.now()
  const number = request.body.phone_number
  if (limits) hit(`address:${digest(request.ip)}`)
  const caller = token ? callerOf(request.headers.authorization ?? '') : ''
  let left = 0
  if (limits) {
    left = 1_000_000 - hit(`caller:${caller}`)
    const hidden = digest(number)
    hit(`number:${hidden}`)
    hit(`${caller}:${hidden}`)
  }
  if (state) keepState({ caller, number, cameAtMs })
  if (metrics) later(() => started.inc({ country: '990' }))

  const work = deadline ? new AbortController() : undefined
  const timer = work && setTimeout(() => work.abort(new Error('out of time')), 5000)
  if (work) reply.raw.on('close', () => reply.raw.writableFinished || work.abort())
  const text = await call(JSON.stringify(upstreamBody(number)), work?.signal)
  clearTimeout(timer)

  const answer = toReply(JSON.parse(text) as NetworkEnablementAnswer)
  if (url && !URL.parse(answer.auth_url)?.host) throw new Error('not for a phone')
  if (headers)
    reply.headers({
      'x-request-id': randomUUID(),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'ratelimit-policy': '"caller";q=1000000;w=60',
      ratelimit: `"caller";r=${left};t=60`,
    })
  const ms = performance.now() - cameAtMs
  if (metrics)
    later(() => {
      issued.inc({ country: '990' })
      called.observe({ call: 'network_enablement', outcome: '2xx' }, ms / 1000)
      answered.observe({ route: request.routeOptions.url, method: request.method, status: 200 }, ms / 1000)
    })
  if (log)
    later(() => {
      const line = { request_id: request.id, method: request.method, route: request.routeOptions.url }
      lines.info({ ...line, status: 200, duration_ms: ms, caller, country: '990' }, 'request')
    })
  return answer
})

announce(await app.listen({ host: '127.0.0.1', port: 0 }))
