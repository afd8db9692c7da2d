/**
 * A replica that is told to stop under load: haproxy without retries before two of them, wrk before haproxy. Each has its own
 * operator, which is how we know that requests were under way at the one that stops.
 */

import { execFile, spawn, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { findFreePort } from './free-port.ts'
import { confirm } from './must.ts'
import { redisMissing, startRedis } from './redis-server.ts'
import type { Figures } from './replica-proofs.ts'
import { openReplicas, phoneNumber, startCountingOperator } from './replicas.ts'

const connections = 60
/** With 60 connections this makes some 300 starts a second, and tens of them under way at each replica. */
const operatorThinksForMs = 200

const tools = [
  ['haproxy', '-v'],
  ['wrk', '-v'],
] as const
/** Why the proof is skipped; false when all is there. */
export const drainToolsMissing =
  redisMissing ||
  tools.map(([name, flag]) => spawnSync(name, [flag]).error && `${name} is not installed`).find(Boolean) ||
  false

export interface DrainOptions {
  seconds: number
  /** When the one replica gets SIGTERM. */
  stopAfterMs: number
  delayMs: number
}

export async function proveDrain(t: Test, options: DrainOptions): Promise<Figures> {
  const { seconds, stopAfterMs, delayMs } = options
  const directory = mkdtempSync(join(tmpdir(), 'drain-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const redis = await startRedis(t)
  const operators = [
    await startCountingOperator(t, operatorThinksForMs),
    await startCountingOperator(t, operatorThinksForMs),
  ]
  const settings = { REDIS_URL: redis.url, SHUTDOWN_DELAY_MS: String(delayMs) }
  const { replicas, tokenOf } = await openReplicas(t, settings, { count: 2, operators })
  const port = await startHaproxy(
    t,
    directory,
    replicas.map(({ url }) => new URL(url).host),
  )
  const script = writeStartScript(directory, tokenOf('drained'))
  const url = `http://127.0.0.1:${port}/v1/network-enablement`
  const args = [
    '-c',
    String(connections),
    '-t',
    '2',
    '-d',
    `${seconds}s`,
    '--timeout',
    '10s',
    '-s',
    script,
    url,
  ]
  const load = promisify(execFile)('wrk', args)

  await wait(stopAfterMs)
  const [stopping] = replicas
  confirm(t, stopping)
  const inFlight = operators[0]?.inFlight() ?? 0
  stopping.process.child.kill('SIGTERM')
  const signalledAtMs = performance.now()
  const exitCode = await stopping.process.exited
  const exitAfterMs = Math.round(performance.now() - signalledAtMs)
  const afterwards = operators[0]?.startedAtMs.filter((time) => time > signalledAtMs + delayMs).length ?? 0

  const { stdout } = await load
  const requests = numberIn(stdout, /(\d+) requests in/)
  const non2xx = numberIn(stdout, /Non-2xx or 3xx responses: (\d+)/)
  const socketErrors = /Socket errors: .*/.exec(stdout)?.[0] ?? 'none'
  t.ok(requests > 20 * seconds, `${requests} requests`)
  t.ok(inFlight > 0, 'requests were under way')
  t.equal(non2xx, 0, stdout)
  t.equal(socketErrors, 'none')
  confirm(t, exitCode === 0)
  confirm(t, exitAfterMs < delayMs + 5000)
  t.ok((operators[1]?.startedAtMs.at(-1) ?? 0) > signalledAtMs + delayMs, 'the other goes on')
  return {
    requests,
    inFlightAtSigterm: inFlight,
    non2xx,
    socketErrors: 0,
    exitCode,
    exitAfterMs,
    startsAfterTheDelay: afterwards,
  }
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1] ?? 0)
}

async function startHaproxy(t: Test, directory: string, servers: string[]): Promise<number> {
  const port = await findFreePort()
  const file = join(directory, 'haproxy.cfg')
  const lines = [
    'defaults',
    '  mode http',
    '  retries 0',
    '  timeout client 30s',
    '  timeout connect 1s',
    '  timeout server 15s',
    'frontend public',
    `  bind 127.0.0.1:${port}`,
    '  default_backend replicas',
    'backend replicas',
    '  balance leastconn',
    '  option httpchk GET /readyz',
    '  http-check expect status 200',
    ...servers.map((server, n) => `  server replica-${n} ${server} check inter 500ms fall 1 rise 1`),
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  const haproxy = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' })
  t.teardown(() => haproxy.kill('SIGKILL'))
  const url = `http://127.0.0.1:${port}/readyz`
  while ((await fetch(url).catch(() => undefined))?.status !== 200) await wait(50)
  return port
}

function writeStartScript(directory: string, token: string): string {
  const file = join(directory, 'start.lua')
  const lines = [
    'wrk.method = "POST"',
    `wrk.body = '{"phone_number":"${phoneNumber(1)}"}'`,
    'wrk.headers["Content-Type"] = "application/json"',
    `wrk.headers["Authorization"] = "Bearer ${token}"`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return file
}
