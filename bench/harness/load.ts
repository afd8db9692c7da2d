/** Load by wrk, one thread on the load's core. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { cores, pinned } from './cores.ts'
import type { TokenFile } from './tokens.ts'

const script = join(import.meta.dirname, 'load.lua')

export interface LoadOptions {
  url: string
  tokens: TokenFile
  /** Whole seconds. */
  seconds: number
  connections?: number
  /** Mean pause of each connection before a request; 0: closed loop. */
  pauseMs?: number
}

export interface LoadResult {
  requests: number
  perSecond: number
  p50Us: number
  p99Us: number
}

/** Tries again when something failed: a stall of the machine is enough to make a server shed load. */
export async function load(options: LoadOptions, tries = 3): Promise<LoadResult> {
  try {
    return await loadOnce(options)
  } catch (error) {
    if (tries === 1) throw error
    process.stderr.write(`${(error as Error).message}; once more\n`)
    return load(options, tries - 1)
  }
}

/** @throws when one request failed: figures with failures in them mean nothing */
export async function loadOnce({
  url,
  tokens,
  seconds,
  connections = 64,
  pauseMs = 0,
}: LoadOptions): Promise<LoadResult> {
  const [command, args] = pinned(cores.load, 'wrk', [
    ...[
      '-t',
      '1',
      '-c',
      String(connections),
      '-d',
      `${seconds}s`,
      '--timeout',
      '5s',
      '-s',
      script,
      url,
      '--',
    ],
    ...[tokens.path, String(tokens.next), String(pauseMs)],
  ])
  const { stdout } = await promisify(execFile)(command, args)
  const found = /^RESULT (.*)$/m.exec(stdout)?.[1]
  if (found === undefined) throw new Error(`wrk said no result: ${stdout}`)
  const result = JSON.parse(found) as {
    requests: number
    seconds: number
    failed: number
    p50Us: number
    p99Us: number
  }
  if (result.failed > 0 || result.requests === 0) throw new Error(`${url}: ${found}`)
  // The next run goes on where this one ended, so that a token is not seen again too soon.
  tokens.next = (tokens.next + result.requests) % tokens.count
  return { ...result, perSecond: result.requests / result.seconds }
}
