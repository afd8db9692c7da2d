/** `src/main.ts` as a process of its own, exactly as it runs in production but for the settings. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import type { Environment } from '../../src/config.ts'

const root = join(import.meta.dirname, '../..')

export interface MainProcess {
  child: ChildProcess
  /** The lines so far. */
  stdout: string[]
  stderr: string[]
  /** The next line of standard output that is JSON with this message. Rejects when the process ends before. */
  logged(message: string): Promise<Record<string, unknown>>
  /** Resolves to the exit code when the process is gone and its output is complete. */
  exited: Promise<number | null>
}

export interface MainProcessOptions {
  settings: Environment
  args?: string[]
  /** Node's own, such as those of the image. */
  nodeOptions?: string[]
  /** JavaScript that runs in the process before the service. */
  before?: string
  /** Runs it in a terminal of its own, by Debian's `script`, whose output is then `stdout`. */
  terminal?: boolean
}

/** Killed when the test ends, if it still runs. Inherits no settings. */
export function startMain(
  t: Test,
  { settings, args = [], nodeOptions = [], before, terminal = false }: MainProcessOptions,
): MainProcess {
  const imports =
    before === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(before)}`]
  // What tap lets its children load, to see their coverage, needs rights that a confined one does not have.
  const plain = nodeOptions.includes('--permission') ? ['env', '-u', 'NODE_OPTIONS'] : []
  const command = [...plain, process.execPath, ...nodeOptions, ...imports, 'src/main.ts', ...args]
  const [file = '', ...rest] = terminal ? ['script', '-qfec', command.join(' '), '/dev/null'] : command
  const child = spawn(file, rest, {
    cwd: root,
    env: settings,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const stdout: string[] = []
  const stderr: string[] = []
  const lines = createInterface({ input: child.stdout }).on('line', (line) => stdout.push(line))
  createInterface({ input: child.stderr }).on('line', (line) => stderr.push(line))
  const exited = once(child, 'close').then(([code]) => code as number | null)
  t.teardown(() => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    return exited
  })

  return {
    child,
    stdout,
    stderr,
    exited,
    logged: (message) =>
      new Promise((resolve, reject) => {
        lines.on('line', (line) => {
          if (line.includes(`"msg":"${message}"`)) resolve(JSON.parse(line))
        })
        lines.once('close', () => reject(new Error(`ended without "${message}": ${stderr.join('\n')}`)))
      }),
  }
}
