/**
 * What image-test.sh proves of the images that it built: what is inside, and that both run as docker-compose.yml runs them,
 * with its settings: read-only, without root, capabilities or new privileges, in 256 MB. Started by image-test.sh only.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { exec, healthcheckOf, inspectImage, logsOf, memoryMb, podman, run, stateOf } from './containers.ts'
import { productionPackages, readLock } from './production-packages.ts'

const baseImage = process.argv[2] ?? ''
const serviceImage = 'bff-image-test:production'
const simulatorImage = 'bff-image-test:simulator'
const service = 'bff-image-test-service'
const simulator = 'bff-image-test-simulator'
const keys = 'bff-image-test-keys'

const maxMbOverBase = 60
const startDeadlineMs = 20_000

let passed = 0
let failed = 0
let redis: ChildProcess | undefined
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
process.once('exit', () => redis?.kill('SIGKILL'))

try {
  checkContents()
  await checkRunning()
} catch (error) {
  failed += 1
  console.error(error)
  for (const name of [simulator, service]) console.error(`${name}:\n${logsOf(name)}`)
}
console.log(`image: ${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)

function checkContents(): void {
  const root = podman('image', 'mount', serviceImage)
  try {
    const files = readdirSync(join(root, 'app'), { recursive: true, encoding: 'utf8' })
    const top = files.filter((file) => !file.includes('/')).sort()
    check('dist, packages and licence', top.join() === 'LICENSE,dist,node_modules,package.json')
    const unwanted =
      /(^|\/)(\.env.*|\.git|\.npmrc|\.npm|tests?|typescript|node-linux-\w+|oidc-provider)$|\.test\.[cm]?[jt]s$/
    check('no tests, tools or dot files', none(files.filter((file) => unwanted.test(file))))
    const manifests = files.filter((file) =>
      /(^|\/)node_modules\/(@[^/]+\/)?[^/]+\/package\.json$/.test(file),
    )
    const packages = manifests.map((file) => {
      const { name, version } = JSON.parse(readFileSync(join(root, 'app', file), 'utf8'))
      return `${name}@${version}`
    })
    const locked = productionPackages(readLock())
    check(`the ${locked.length} packages of the SBOM`, [...new Set(packages)].sort().join() === locked.join())
    const caches = ['root', 'home/node'].flatMap((home) => [
      `${home}/.npm`,
      `${home}/.npmrc`,
      `${home}/.cache`,
    ])
    check('no npm cache or settings', none(caches.filter((path) => existsSync(join(root, path)))))
    const maps = files.filter((file) => file.endsWith('.map'))
    const withSources = maps.filter((file) =>
      readFileSync(join(root, 'app', file), 'utf8').includes('sourcesContent'),
    )
    check('no source map holds a source', maps.length > 0 && none(withSources))
    const foreign = files.filter((file) => {
      const { uid, mode } = lstatSync(join(root, 'app', file))
      return uid !== 0 || (mode & 0o022 && (mode & 0o170000) !== 0o120000)
    })
    check('every file belongs to root and only root may write it', none(foreign))
  } finally {
    podman('image', 'unmount', serviceImage)
  }
  const { Size, Config } = inspectImage(serviceImage)
  const overBaseMb = (Size - inspectImage(baseImage).Size) / 1e6
  check(`size over its base: ${overBaseMb.toFixed(1)} MB`, overBaseMb < maxMbOverBase)
  check('runs node itself, without a shell', Config.Cmd[0] === 'node' && Config.Cmd.at(-1) === 'dist/main.js')
  check('the environment has no NODE_ENV', !Config.Env.some((entry) => entry.startsWith('NODE_ENV=')))
}

async function checkRunning(): Promise<void> {
  redis = spawn(
    'redis-server',
    ['--port', '6379', '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction'],
    {
      stdio: 'ignore',
      cwd: '/tmp',
    },
  )
  podman('volume', 'create', keys)
  run(simulator, simulatorImage, 'deploy/compose/simulator.env', `${keys}:/keys`)
  await untilOk('http://127.0.0.1:4000/livez')
  check('the simulator runs', exec(simulator, healthcheckOf(simulatorImage)).status === 0)

  run(service, serviceImage, 'deploy/compose/service.env', `${keys}:/keys:ro`)
  await untilOk('http://127.0.0.1:3000/readyz')
  const { Pid, StartedAt } = stateOf(service)
  const listening = logsOf(service)
    .split('\n')
    .find((line) => line.includes('"msg":"listening"'))
  console.log(
    `  listening ${Date.parse(JSON.parse(listening ?? '{}').time) - Date.parse(StartedAt)} ms after the container's start`,
  )
  await setTimeout(1000)
  const status = readFileSync(`/proc/${Pid}/status`, 'utf8')
  console.log(`  ${Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)} MB resident, idle`)
  checkConfinement(status)
  checkHealthcheck()

  for (const path of ['livez', 'readyz', 'docs/', 'openapi.json'])
    check(`management /${path}`, (await fetch(`http://127.0.0.1:9464/${path}`)).status === 200)
  check(
    'management stays off the public port',
    (await fetch('http://127.0.0.1:3000/openapi.json')).status === 404,
  )
  check('a phone on this machine verifies its number', (await walk()).phone_number_verified === true)
  check('the phone page verifies it too', (await walkOnPage()).includes('"verified":true'))
  await checkStop()
}

/** Of the service's own process; what is not visible there is tried by a second one with the same flags. */
function checkConfinement(status: string): void {
  const fieldOf = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1]
  check('user id 1000', fieldOf('Uid') === '1000' && fieldOf('Gid') === '1000')
  check(
    'no capabilities',
    ['CapEff', 'CapPrm', 'CapBnd', 'CapAmb'].every((name) => Number(`0x${fieldOf(name)}`) === 0),
  )
  check('no new privileges', fieldOf('NoNewPrivs') === '1')

  const flags = inspectImage(serviceImage).Config.Cmd.slice(1, -1)
  const evaluate = (code: string, ...options: string[]) =>
    exec(service, ['node', ...options, '-p', code]).stdout.trim()
  const attempt = (code: string) => `try { ${code}; 'done' } catch ({ code }) { code }`
  for (const folder of ['/app', '/home/node', '/keys'])
    check(`${folder} cannot be written`, evaluate(attempt(`fs.writeFileSync('${folder}/x', '')`)) === 'EROFS')
  for (const code of [
    'fs.writeFileSync("/tmp/x", "")',
    'child_process.execSync("id")',
    'new worker_threads.Worker("0", { eval: true })',
  ])
    check(`denied: ${code}`, evaluate(attempt(code), ...flags) === 'ERR_ACCESS_DENIED')
  const addon = 'process.dlopen({ exports: {} }, "/nowhere.node")'
  check(`denied: ${addon}`, evaluate(attempt(addon), ...flags) === 'ERR_DLOPEN_DISABLED')
  const heapMb = Number(evaluate('v8.getHeapStatistics().heap_size_limit', ...flags)) / 2 ** 20
  check(`heap limit ${heapMb} MB of ${memoryMb}`, heapMb > memoryMb * 0.5 && heapMb < memoryMb * 0.7)
}

function checkHealthcheck(): void {
  const command = healthcheckOf(serviceImage)
  check('the HEALTHCHECK passes', exec(service, command).status === 0)
  check(
    'the HEALTHCHECK fails when nothing answers',
    exec(service, command, '--env', 'MANAGEMENT_PORT=1').status === 1,
  )
}

/** The whole flow, as curl on this machine does it. */
async function walk(): Promise<{ phone_number_verified?: boolean }> {
  const clientCredentials = {
    grant_type: 'client_credentials',
    client_id: 'alice',
    client_secret: 'simulator-secret',
  }
  const token = await fetchJson('http://127.0.0.1:4001/token', {
    method: 'POST',
    body: new URLSearchParams(clientCredentials),
  })
  const headers = { authorization: `Bearer ${token.access_token}`, 'content-type': 'application/json' }
  const post = (path: string, body: object) =>
    fetchJson(`http://127.0.0.1:3000/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  const { auth_url } = await post('network-enablement', { phone_number: '+99012345678' })
  return post('number-verification', await fetchJson(auth_url))
}

async function walkOnPage(): Promise<string> {
  const response = await fetch('http://127.0.0.1:4000/phone/verify', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ phone_number: '+99012345678', network: 'cellular', with_attacker: false }),
  })
  return response.text()
}

async function checkStop(): Promise<void> {
  const { SHUTDOWN_DELAY_MS, SHUTDOWN_TIMEOUT_MS } = settingsOf('deploy/compose/service.env')
  const stoppedAt = Date.now()
  podman('kill', '--signal', 'TERM', service)
  await setTimeout(Number(SHUTDOWN_DELAY_MS) / 4)
  check('after SIGTERM: not ready', (await fetch('http://127.0.0.1:3000/readyz')).status === 503)
  check('after SIGTERM: serving until the delay is over', (await walk()).phone_number_verified === true)
  // Not `podman wait`, which without systemd waits 20 s more.
  let state = stateOf(service)
  while (state.Status === 'running') {
    await setTimeout(100)
    state = stateOf(service)
  }
  const tookMs = Date.parse(state.FinishedAt) - stoppedAt
  const withinMs = Number(SHUTDOWN_DELAY_MS) + Number(SHUTDOWN_TIMEOUT_MS)
  check(`exit code ${state.ExitCode} ${tookMs} ms after SIGTERM`, state.ExitCode === 0 && tookMs < withinMs)
}

function settingsOf(file: string): Record<string, string> {
  return Object.fromEntries(
    [...readFileSync(file, 'utf8').matchAll(/^(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]),
  )
}

async function untilOk(url: string): Promise<void> {
  const deadline = performance.now() + startDeadlineMs
  while (!(await fetch(url).catch(() => undefined))?.ok) {
    if (performance.now() > deadline) throw new Error(`no 200 from ${url}`)
    await setTimeout(50)
  }
}

// biome-ignore lint/suspicious/noExplicitAny: foreign answers; what is wrong with one shows in the next step.
async function fetchJson(url: string, init?: RequestInit): Promise<any> {
  return (await fetch(url, init)).json()
}

function none(found: string[]): boolean {
  if (found.length > 0) console.log(`  ${found.slice(0, 10).join('\n  ')}`)
  return found.length === 0
}

function check(claim: string, holds: boolean): void {
  if (holds) passed += 1
  else failed += 1
  console.log(`${holds ? 'ok      ' : 'NOT OK  '}${claim}`)
}
