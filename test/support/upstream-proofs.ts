/**
 * What the service promises about its load on Vonage, measured: quota, breaker, bounds. Each proof asserts, and returns its
 * figures. The tests run them short, `scripts/proof-upstream.ts` long.
 */

import { setTimeout } from 'node:timers/promises'
import type { Test } from 'tap'
import type { Environment } from '../../src/config.ts'
import { finish, openIdentityProvider, start, type TimedAnswer } from './app-client.ts'
import { type Act, type FaultServer, good, startFaultServer, stateIn, status } from './fault-server.ts'
import { head } from './http-faults.ts'
import { flood } from './raw-server.ts'
import { openServiceProcess } from './service-process.ts'

/** For a report. */
export function print(figures: Record<string, number>): string {
  return Object.entries(figures)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ')
}

export async function openProof(t: Test, settings: Environment, acts: { start?: Act } = {}) {
  const services = await openServiceProcess()
  t.teardown(() => services.close())
  const idp = await openIdentityProvider(t)
  const server: FaultServer = await startFaultServer(t, acts)
  const { url } = await services.open({
    ...idp.settings,
    VONAGE_API_URL: server.url,
    VONAGE_TOKEN_URL: `${server.url}/oauth2/token`,
    ...settings,
  })
  const startAs = (subject: string) => start(url, '+99012345678', { token: idp.tokenOf(subject) })
  return { services, idp, server, url, startAs }
}

/** The most of these times that lie within one second, wherever it begins. */
export function fullestSecond(timesMs: readonly number[]): number {
  const sorted = [...timesMs].sort((a, b) => a - b)
  let fullest = 0
  for (let first = 0, last = 0; last < sorted.length; last++) {
    while ((sorted[last] ?? 0) - (sorted[first] ?? 0) >= 1000) first++
    fullest = Math.max(fullest, last - first + 1)
  }
  return fullest
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10
}

/**
 * How long the service itself took for the requests whose log line has this in it: free of how busy the measuring process is.
 * @param mark such as `"code":"overloaded"`
 */
export function serverSideMs(log: string, mark: string): number[] {
  return log
    .split('\n')
    .filter((line) => line.includes(mark))
    .map((line) => JSON.parse(line).duration_ms)
}

/** Does something so many times a second, whatever becomes of it, and waits for all. */
async function offer<T>(
  perSecond: number,
  seconds: number,
  act: (index: number) => Promise<T>,
): Promise<T[]> {
  const beganMs = performance.now()
  const all: Promise<T>[] = []
  while (all.length < perSecond * seconds) {
    const dueBy = Math.floor(((performance.now() - beganMs) * perSecond) / 1000)
    while (all.length < Math.min(dueBy, perSecond * seconds)) all.push(act(all.length))
    await setTimeout(2)
  }
  return Promise.all(all)
}

export interface QuotaProof {
  seconds: number
  startsPerSecond: number
  finishesPerSecond: number
}

/** Many more starts than the quota allows, and finishes beside them. */
export async function proveQuota(t: Test, proof: QuotaProof) {
  const perSecond = 10
  const arrivedAtMs: number[] = []
  const recorded: Act = (socket, request) => {
    arrivedAtMs.push(performance.now())
    good.start(socket, request)
  }
  const { services, idp, server, url, startAs } = await openProof(
    t,
    { VONAGE_REQUESTS_PER_SECOND: String(perSecond) },
    { start: recorded },
  )

  const landings: Array<{ token: string; state: string }> = []
  while (landings.length < proof.seconds * proof.finishesPerSecond) {
    const token = idp.tokenOf(`finisher-${landings.length}`)
    const started = await start(url, '+99012345678', { token })
    t.equal(started.status, 200, started.body)
    landings.push({ token, state: stateIn(started.body) })
  }

  const [starts, finishes] = await Promise.all([
    offer(proof.startsPerSecond, proof.seconds, (index) => startAs(`starter-${index}`)),
    offer(proof.finishesPerSecond, proof.seconds, (index) => {
      const { token = '', state = '' } = landings[index] ?? {}
      return finish(url, { code: 'a-code', state }, { token })
    }),
  ])
  await services.close()

  for (const { status, body } of finishes) t.equal(status, 200, body)
  const refused = starts.filter(({ status }) => status !== 200)
  for (const { status, headers, body } of refused) {
    t.equal(status, 503, body)
    t.match(headers.get('retry-after') ?? '', /^([1-9]|[1-5]\d|60)$/)
  }
  const fullest = fullestSecond(arrivedAtMs)
  t.ok(fullest <= perSecond, `${fullest} starts in one second`)
  const granted = starts.length - refused.length
  t.ok(granted >= 0.7 * perSecond * proof.seconds, `only ${granted} granted`)
  t.equal(server.calls('start').length, landings.length + granted, 'a refused start is not sent')
  const elapsed = (answers: TimedAnswer[]) => answers.map(({ elapsedMs }) => elapsedMs)
  return {
    offered: starts.length,
    granted,
    fullestSecond: fullest,
    refusalP50Ms: percentile(elapsed(refused), 0.5),
    refusalP99Ms: percentile(elapsed(refused), 0.99),
    refusalServerP99Ms: percentile(serverSideMs(services.output(), '"code":"upstream_busy"'), 0.99),
    finishes: finishes.length,
    finishP99Ms: percentile(elapsed(finishes), 0.99),
  }
}

/** @param wait lets the 30 seconds pass: the real ones, or by `advance` */
export async function proveBreaker(t: Test, wait: (advance: (ms: number) => Promise<void>) => Promise<void>) {
  const { services, server, startAs } = await openProof(
    t,
    { VONAGE_REQUESTS_PER_SECOND: '100' },
    { start: status(500) },
  )
  for (let call = 0; call < 5; call++) t.equal((await startAs('opener')).status, 502)
  const whileOpen: TimedAnswer[] = []
  for (let call = 0; call < 200; call++) whileOpen.push(await startAs(`refused-${call}`))
  for (const { status, headers } of whileOpen) {
    t.equal(status, 503)
    const retryAfter = Number(headers.get('retry-after'))
    t.ok(retryAfter >= 1 && retryAfter <= 30)
  }
  t.equal(server.calls('start').length, 5, 'nothing is sent while open')
  server.behave({})
  await wait(services.advance)
  const recovered = await startAs('probe')
  t.equal(recovered.status, 200, recovered.body)
  await services.close()
  const elapsed = whileOpen.map(({ elapsedMs }) => elapsedMs)
  const serverSide = serverSideMs(services.output(), '"code":"upstream_busy"')
  return {
    callsToOpen: 5,
    refused: whileOpen.length,
    refusalP50Ms: percentile(elapsed, 0.5),
    refusalServerP99Ms: percentile(serverSide, 0.99),
    callsWhileOpen: 0,
  }
}

/** Vonage offers 100 MB, again and again; a good start in between keeps the circuit closed. */
export async function proveGiantBody(t: Test, times: number) {
  const { services, server, startAs } = await openProof(t, { VONAGE_REQUESTS_PER_SECOND: '100' })
  const sent: number[] = []
  let chunked = false
  const giant: Act = (socket) => {
    socket.once('close', () => sent.push(socket.bytesWritten))
    const size = 64 * 1024
    socket.write(head(chunked ? 'transfer-encoding: chunked' : 'content-length: 100000000'))
    const chunk = chunked ? `${size.toString(16)}\r\n${' '.repeat(size)}\r\n` : ' '.repeat(size)
    flood(socket, Buffer.from(chunk), 100_000_000 / size)
    chunked = !chunked
  }
  const elapsed: number[] = []
  async function round(): Promise<void> {
    server.behave({ start: giant })
    const { status, elapsedMs, body } = await startAs('alice')
    t.equal(status, 502, body)
    elapsed.push(elapsedMs)
    server.behave({})
    t.equal((await startAs('alice')).status, 200)
  }
  for (let call = 0; call < 10; call++) await round()
  elapsed.length = 0
  const before = await services.weigh()
  for (let call = 0; call < times; call++) await round()
  const { rssBytes } = await services.weigh()
  const grownMb = Math.round((rssBytes - before.rssBytes) / 1e5) / 10
  const takenMb = Math.round(Math.max(...sent) / 1e5) / 10
  t.ok(grownMb < 10, `RSS grew by ${grownMb} MB`)
  t.ok(takenMb < 20, `${takenMb} MB of 100 were taken`)
  return { answers: times, p50Ms: percentile(elapsed, 0.5), maxMs: percentile(elapsed, 1), grownMb, takenMb }
}
