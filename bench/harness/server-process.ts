/** A server under test: a process on its own core, its output drained, its CPU time and memory read from /proc. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { cores, pinned } from './cores.ts'

const tickMs = 1000 / Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }))

export interface ServerProcess {
  pid: number
  /** Of the API. */
  url: string
  child: ChildProcess
  startedInMs: number
  /** User and system time of all threads so far. */
  cpuMs(): number
  rssMiB(): number
  /** SIGTERM, and waits for the end. */
  stop(): Promise<void>
}

export interface ServerOptions {
  /** Node's own options, then the script. */
  args: string[]
  env: Record<string, string>
  /** A channel for messages to ours/preload.ts. */
  ipc?: boolean
}

const running = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

/** Resolves when a line with `"msg":"listening"` and a `url` came. What comes later is read, as a collector of logs would, and dropped. */
export async function startServer({ args, env, ipc = false }: ServerOptions): Promise<ServerProcess> {
  const [command, commandArgs] = pinned(cores.server, process.execPath, args)
  const startedAtMs = performance.now()
  const child = spawn(command, commandArgs, {
    env: { PATH: process.env.PATH, NODE_ENV: 'production', ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(ipc ? (['ipc'] as const) : [])],
  })
  running.add(child)
  const url = await listening(child)
  const startedInMs = performance.now() - startedAtMs
  const pid = child.pid as number

  return {
    pid,
    url,
    child,
    startedInMs,
    cpuMs() {
      // The name in brackets may hold spaces; utime and stime are the 12th and 13th after it.
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')
      return (Number(fields[11]) + Number(fields[12])) * tickMs
    },
    rssMiB() {
      return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
    },
    async stop() {
      running.delete(child)
      const exited = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined
      child.kill('SIGTERM')
      await exited
    },
  }
}

/** Resolves to the URL in the line that says so. What a server says of errors is read too: some print a stack trace for each bad token. */
function listening({ stdout, stderr }: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    let errors = ''
    stderr?.on('data', (chunk) => {
      errors = `${errors}${chunk}`.slice(-4096)
    })
    const ended = () => reject(new Error(`ended before it listened: ${text}${errors}`))
    function look(chunk: Buffer): void {
      text += chunk
      const line = text.split('\n').find((candidate) => /"msg":"listening".*\}$/.test(candidate))
      if (line === undefined) return
      stdout?.off('end', ended).off('data', look).resume()
      resolve((JSON.parse(line) as { url: string }).url)
    }
    stdout?.once('end', ended).on('data', look)
  })
}
