/**
 * A private redis-server on a free port of loopback, without persistence: frozen, killed and restarted by the test, and gone
 * with it.
 */

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { ConnectionOptions } from 'node:tls'
import { Redis } from 'ioredis'
import { findFreePort } from './free-port.ts'
import { must } from './must.ts'

/** Why tests that need the server are skipped; false when it is there. */
export const redisMissing =
  spawnSync('redis-server', ['--version']).status === 0 ? false : 'redis-server is not installed'

/** A test's context, or a whole file's for a server that all tests of a file share. */
export interface Owner {
  teardown(close: () => unknown): void
}

export interface RedisServerOptions {
  /** Further settings, as on the command line. */
  settings?: readonly string[]
  /** `sentinel` needs a configuration file, given as the first of the settings. */
  kind?: 'server' | 'sentinel'
  /** For the connections of the test's own. */
  client?: { tls?: ConnectionOptions; password?: string }
  /** The option that takes the port. */
  portOption?: '--port' | '--tls-port'
}

export interface RedisServer {
  url: string
  port: number
  /** Runs one command on a connection of its own. */
  command(...command: readonly (string | number)[]): Promise<unknown>
  /** SIGSTOP: connections stay open, and nothing answers. */
  freeze(): void
  thaw(): void
  /** SIGKILL. Safe to call twice. */
  kill(): Promise<void>
  /** Starts it again, empty, on the same port. */
  start(): Promise<void>
}

/** None may outlive a test that breaks off. */
const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Resolves when it accepts connections, after some 20 ms. */
export async function startRedis(owner: Owner, options: RedisServerOptions = {}): Promise<RedisServer> {
  const { settings = [], kind = 'server', client, portOption = '--port' } = options
  const directory = mkdtempSync(join(tmpdir(), 'redis-'))
  const port = await findFreePort()
  let child: ChildProcess | undefined

  async function start(): Promise<void> {
    const common = ['--bind', '127.0.0.1', '--dir', directory, portOption, String(port)]
    const args =
      kind === 'sentinel'
        ? [...settings, '--sentinel', ...common]
        : [...common, '--save', '', '--appendonly', 'no', ...settings]
    child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    running.add(child)
    child.once('exit', () => running.delete(child as ChildProcess))
    const lines: string[] = []
    const ended = once(child, 'exit')
    const ready = new Promise<true>((resolve) => {
      createInterface({ input: child?.stdout as NodeJS.ReadableStream }).on('line', (line) => {
        lines.push(line)
        if (/Ready to accept connections|\+monitor/.test(line)) resolve(true)
      })
    })
    must((await Promise.race([ready, ended.then(() => false)])) === true, lines.join('\n'))
  }

  async function kill(): Promise<void> {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const ended = once(child, 'exit')
    child.kill('SIGKILL')
    await ended
  }

  owner.teardown(async () => {
    await kill()
    rmSync(directory, { recursive: true, force: true })
  })
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    async command(name, ...args) {
      const connection = new Redis({ ...client, host: '127.0.0.1', port, lazyConnect: true })
      connection.on('error', () => undefined)
      try {
        await connection.connect()
        return await connection.call(String(name), args)
      } finally {
        connection.disconnect()
      }
    },
    freeze: () => void child?.kill('SIGSTOP'),
    thaw: () => void child?.kill('SIGCONT'),
    kill,
    start,
  }
}
