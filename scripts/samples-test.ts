/**
 * `npm run samples:test`: compiles docs/samples/android against the public face of Vonage's library (samples/ClientLibrary.kt), and
 * runs it on a JVM against the simulator and the service, by https. Needs Debian's `kotlin` and `libandroid-json-java`; without
 * them it says so and exits 0. The Swift sample is not compiled: Debian has no Swift compiler.
 */

import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { findFreePort } from '../test/support/free-port.ts'

/** org.json as Android has it. */
const jsonJar = '/usr/share/java/com.android.json.jar'
const root = join(import.meta.dirname, '..')

/** A number, or what no number can be, and the outcome that the sample must come to. */
const expected: Record<string, string> = {
  '+99012345678': 'Verified',
  '+99012345677': 'NotVerified',
  '+990': 'AskAgain',
  // The device opens the URL without Vonage's library.
  '+990000001007': 'Verified',
  '+99011111199': 'UseFallback',
  '+990000001041': 'UseFallback',
  '+990000001008': 'GiveUp',
  // Twice from the beginning.
  '+990000001030': 'UseFallback',
  // Three wrong codes, a number without messages, and one that Vonage refuses.
  'sms:+447700900123': 'AskAgain,AskAgain,AskForAnother',
  'sms:+99012345678': 'UseFallback',
  'sms:+447700900205': 'GiveUp',
}

/** With Verify, where the device ends at Vonage and a mismatch is Vonage's problem. */
const expectedOfVerify: Record<string, string> = {
  '+99012345678': 'Verified',
  '+447700900220': 'UseFallback',
  // A page instead of JSON, and no answer.
  '+447700900225': 'UseFallback',
  '+447700900226': 'UseFallback',
  '+447700900205': 'GiveUp',
}

const missing = [
  ...(existsSync(jsonJar) ? [] : ['libandroid-json-java']),
  ...(spawnSync('kotlinc', ['-version']).status === 0 ? [] : ['kotlin']),
]
if (missing.length > 0) {
  console.log(`skipped: install Debian's ${missing.join(' and ')}`)
  process.exit()
}

const folder = mkdtempSync(join(tmpdir(), 'samples-'))
const children: ChildProcess[] = []
try {
  const jar = compile()
  const { origins, trustStore, env } = await startSimulator()
  const service = await start(['src/main.ts'], env)
  const token = await accessToken(origins.identityProvider)
  const run = (serviceUrl: string, first: string, renewed: string, numbers: string[]) => {
    const trust = [`-Djavax.net.ssl.trustStore=${trustStore}`, '-Djavax.net.ssl.trustStorePassword=changeit']
    const main = 'com.example.numberverification.MainKt'
    const args = [...trust, '-cp', `${jar}:${jsonJar}`, main, serviceUrl, first, renewed, ...numbers]
    return execFileSync('java', args, { encoding: 'utf8' }).trim().split('\n')
  }

  // The first token is refused, and the sample gets another.
  const outcomes = run(origins.service, 'stale', token, Object.keys(expected))
  assert.deepEqual(parse(outcomes), expected)
  assert.deepEqual(run(origins.service, 'stale', 'stale', ['+99012345678']), ['+99012345678 SignIn'])
  const nobody = `https://127.0.0.1:${await findFreePort()}`
  assert.deepEqual(run(nobody, token, token, ['+99012345678']), ['+99012345678 TryLater'])

  await stop(service.child)
  await start(['src/main.ts'], { ...env, VONAGE_PRODUCT: 'verify' })
  const ofVerify = run(origins.service, token, token, Object.keys(expectedOfVerify))
  assert.deepEqual(parse(ofVerify), expectedOfVerify)
  console.log(`${outcomes.length + 2 + ofVerify.length} outcomes of the Android sample are as expected`)
} finally {
  await Promise.all(children.map(stop))
  rmSync(folder, { recursive: true })
}

function compile(): string {
  const jar = join(folder, 'sample.jar')
  const sources = ['docs/samples/android/NumberVerification.kt', 'scripts/samples']
  const options = ['-cp', jsonJar, '-include-runtime', '-Werror', '-d', jar]
  execFileSync('kotlinc', [...sources, ...options], { cwd: root, stdio: 'pipe' })
  return jar
}

function parse(lines: string[]): Record<string, string> {
  return Object.fromEntries(lines.map((line) => line.split(' ')))
}

/** The simulator as a process on free ports, the settings of the service, and a JVM's store with the simulator's authority. */
async function startSimulator() {
  const port = await findFreePort()
  const names = ['port', 'idp-port', 'https-port', 'https-idp-port', 'https-service-port']
  const ports = await Promise.all(names.map(() => findFreePort()))
  const flags = names.flatMap((name, index) => [`--${name}`, String(ports[index])])
  const simulator = [
    '--https',
    '--https-folder',
    folder,
    '--service-url',
    `http://127.0.0.1:${port}`,
    ...flags,
  ]
  const { output } = await start(['simulator/main.ts', ...simulator], process.env)
  const own = {
    HOST: '127.0.0.1',
    PORT: String(port),
    MANAGEMENT_PORT: '0',
    RATE_LIMIT_CALLER_PER_MINUTE: '0',
    SMS_FALLBACK: 'true',
  }

  const trustStore = join(folder, 'trust.p12')
  const imported = ['-alias', 'simulator', '-file', join(folder, 'ca.pem'), '-keystore', trustStore]
  const kind = ['-storetype', 'PKCS12', '-storepass', 'changeit', '-noprompt']
  execFileSync('keytool', ['-importcert', ...imported, ...kind], { stdio: 'ignore' })
  const [, idpPort, , , servicePort] = ports
  return {
    origins: {
      identityProvider: `http://127.0.0.1:${idpPort}`,
      service: `https://127.0.0.1:${servicePort}`,
    },
    trustStore,
    env: { ...parseEnv(output), ...own },
  }
}

/** Resolves with what it printed first, which each of the two does when it can be used. */
async function start(args: string[], env: NodeJS.ProcessEnv) {
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  const [output] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, output: output.toString() }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

async function accessToken(identityProvider: string): Promise<string> {
  const member = { client_id: 'alice', client_secret: 'simulator-secret' }
  const body = new URLSearchParams({ grant_type: 'client_credentials', ...member })
  const answer = await fetch(`${identityProvider}/token`, { method: 'POST', body })
  return ((await answer.json()) as { access_token: string }).access_token
}
