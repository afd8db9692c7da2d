/**
 * Attacks by slowness and by numbers against the process as it runs in production, with good traffic beside: how long the attacking
 * sockets stay, and what everybody else notices. For a quiet Linux machine with Debian's slowhttptest. Run by
 * `npm run proof:hostile`, with longer attacks by `npm run proof:hostile -- --seconds 60`.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Test, test } from 'tap'
import { openIdentityProvider, start } from '../test/support/app-client.ts'
import { startFaultServer } from '../test/support/fault-server.ts'
import { startMain } from '../test/support/main-process.ts'
import { call, requestBytes } from '../test/support/raw-http.ts'
import { unlimited } from '../test/support/upstream.ts'
import { percentile, print } from '../test/support/upstream-proofs.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '30' } } })
const healthMs = 100
const goodMs = 250
/** Sockets are counted this often. */
const countMs = 250
/** Of /proc/net/tcp: the process still has them. */
const held = new Set(['01', '08'])
const listening = '0A'

async function openMain(t: Test) {
  const idp = await openIdentityProvider(t)
  const vonage = await startFaultServer(t)
  const { child, exited, logged } = startMain(t, {
    settings: {
      ...idp.settings,
      ...unlimited,
      LOG_LEVEL: 'info',
      VONAGE_API_URL: vonage.url,
      VONAGE_TOKEN_URL: `${vonage.url}/oauth2/token`,
    },
  })
  const { url } = (await logged('listening')) as { url: string }
  const token = idp.tokenOf('alice')
  return { child, exited, url, token, good: () => start(url, '+99012345678', { token }) }
}

/** Ports of the clients of the URL: those whose connection the server has, and those that it has had lately as well. */
function clientPorts(url: string): { held: number[]; all: number[] } {
  const port = Number(new URL(url).port).toString(16).toUpperCase().padStart(4, '0')
  const sockets = readFileSync('/proc/net/tcp', 'latin1')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter(([, local = '', , state = '']) => local.endsWith(`:${port}`) && state !== listening)
    .map(([, , remote = '', state = '']) => ({
      state,
      port: Number.parseInt(remote.split(':')[1] ?? '', 16),
    }))
  const all = sockets.map((socket) => socket.port)
  return { held: sockets.filter(({ state }) => held.has(state)).map((socket) => socket.port), all }
}

/** Does it every so many milliseconds, one after the other, until stopped. */
function repeat(everyMs: number, act: () => Promise<void> | void) {
  let stopped = false
  const done = (async () => {
    while (!stopped) {
      const beganMs = performance.now()
      await act()
      await wait(Math.max(0, everyMs - (performance.now() - beganMs)))
    }
  })()
  return {
    stop() {
      stopped = true
      return done
    },
  }
}

/** Health and good starts while this runs. */
async function beside(world: World, attack: () => Promise<unknown>) {
  const health: number[] = []
  const statuses: number[] = []
  const seen = new Map<number, { firstMs: number; lastMs: number }>()
  const everSeen = new Set<number>()
  let most = 0
  const all = [
    repeat(healthMs, async () => {
      const beganMs = performance.now()
      const { status } = await call(world.url, { target: '/livez' })
      health.push(status === 200 ? performance.now() - beganMs : Number.POSITIVE_INFINITY)
    }),
    repeat(goodMs, async () => void statuses.push((await world.good()).status)),
    repeat(countMs, () => {
      const { held: ports, all } = clientPorts(world.url)
      for (const port of all) everSeen.add(port)
      most = Math.max(most, ports.length)
      const nowMs = performance.now()
      for (const port of ports) seen.set(port, { firstMs: seen.get(port)?.firstMs ?? nowMs, lastMs: nowMs })
    }),
  ]
  await attack()
  await Promise.all(all.map(({ stop }) => stop()))
  const lives = [...seen.values()].map(({ firstMs, lastMs }) => (lastMs - firstMs + countMs) / 1000)
  return {
    // Those of health and good starts are no attack.
    attackSockets: everSeen.size - health.length - statuses.length,
    mostSockets: most,
    longestSocketSeconds: percentile(lives, 1),
    healthChecks: health.length,
    healthP50Ms: percentile(health, 0.5),
    healthMaxMs: percentile(health, 1),
    goodStarts: statuses.length,
    failedStarts: statuses.filter((status) => status !== 200).length,
  }
}

async function runTool(args: string[]): Promise<void> {
  const tool = spawn('slowhttptest', args, { stdio: 'ignore' })
  const ended = once(tool, 'exit')
  // It ends by itself when all its connections are gone.
  const timer = setTimeout(() => tool.kill(), (Number(values.seconds) + 5) * 1000)
  await ended
  clearTimeout(timer)
}

type World = Awaited<ReturnType<typeof openMain>>

const slowhttptest = (path: string, connections: number, args: string[]) => (world: World) =>
  runTool([
    ...args,
    ...['-c', String(connections), '-r', '250', '-l', values.seconds, '-p', '5', '-u', world.url + path],
  ])

/** slowhttptest has no token, and is sent away at once. */
const slowBodiesWithToken = (connections: number) => async (world: World) => {
  const head = requestBytes({
    method: 'POST',
    target: '/v1/number-verification',
    headers: {
      authorization: `Bearer ${world.token}`,
      'content-type': 'application/json',
      'content-length': '4000',
    },
  })
  const closed: Promise<unknown>[] = []
  while (closed.length < connections) {
    const socket = connect(Number(new URL(world.url).port), '127.0.0.1').on('error', () => {})
    socket.resume().write(head)
    const timer = setInterval(() => socket.write(' '), 1000)
    closed.push(once(socket, 'close').then(() => clearInterval(timer)))
    await wait(4)
  }
  await Promise.race([Promise.all(closed), wait(Number(values.seconds) * 1000)])
}

/** How many sockets it must have opened at least. */
const attacks: readonly [
  what: string,
  least: number,
  maxSeconds: number,
  act: (world: World) => Promise<unknown>,
][] = [
  ['500 slow heads', 400, 15, slowhttptest('/livez', 500, ['-H', '-i', '2', '-x', '24'])],
  [
    '300 slow bodies',
    250,
    15,
    slowhttptest('/v1/network-enablement', 300, ['-B', '-i', '2', '-s', '4000', '-t', 'POST']),
  ],
  ['300 slow bodies with a good token', 250, 15, slowBodiesWithToken(300)],
  [
    '300 slow readers',
    250,
    30,
    slowhttptest('/livez', 300, ['-X', '-w', '1', '-y', '2', '-n', '1', '-z', '1', '-k', '3']),
  ],
]

for (const [what, least, maxSeconds, act] of attacks)
  test(`${what} for ${values.seconds} s`, async (t) => {
    const world = await openMain(t)
    const figures = await beside(world, () => act(world))
    t.comment(print(figures))
    t.ok(figures.attackSockets >= least, 'the attack took place')
    t.ok(figures.longestSocketSeconds <= maxSeconds)
    t.ok(figures.healthMaxMs < 100)
    t.equal(figures.failedStarts, 0)
  })

test('200 sockets against a process that may have 64 open files', async (t) => {
  const { child, exited, url, good } = await openMain(t)
  t.equal((await good()).status, 200)
  const [code] = await once(spawn('prlimit', ['--pid', String(child.pid), '--nofile=64:64']), 'exit')
  t.equal(code, 0)
  const sockets: Socket[] = []
  let refused = 0
  while (sockets.length < 200) {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.on('error', () => refused++)
    socket.on('connect', () => socket.write('GET /livez HTTP/1.1\r\n'))
    sockets.push(socket)
  }
  await wait(3000)
  const most = clientPorts(url).held.length
  for (const socket of sockets) socket.destroy()
  const endedMs = performance.now()
  while (!(await isHealthy(url))) t.ok(performance.now() - endedMs < 10_000, 'not healthy in time')
  const healthyAfterMs = Math.round(performance.now() - endedMs)
  while ((await good()).status !== 200) t.ok(performance.now() - endedMs < 10_000, 'no good start in time')
  const goodStartAfterMs = Math.round(performance.now() - endedMs)
  t.equal(await Promise.race([exited, wait(0, 'runs')]), 'runs')
  t.comment(print({ sockets: sockets.length, most, refused, healthyAfterMs, goodStartAfterMs }))
})

async function isHealthy(url: string): Promise<boolean> {
  const answer = await call(url, { target: '/livez' }).catch(() => undefined)
  if (answer?.status !== 200) await wait(50)
  return answer?.status === 200
}
