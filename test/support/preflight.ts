/** `--check-config` as a call: what it printed, by kind. */
import { type Environment, parseConfig } from '../../src/config.ts'
import { preflight } from '../../src/preflight.ts'

export interface Preflight {
  passed: boolean
  /** Printed, in order. */
  lines: string[]
  /** What was warned of: the names alone. */
  warnings: string[]
  /** What became of each check, by its name. */
  checks: Record<string, string>
  notTried: string
  tookMs: number
}

export async function runPreflight(
  environment: Environment,
  live = false,
  number?: string,
  tokenFile?: string,
): Promise<Preflight> {
  const lines: string[] = []
  const warnings: string[] = []
  const startedMs = performance.now()
  const passed = await preflight(parseConfig(environment), {
    live,
    number,
    tokenFile,
    print: (line) => void lines.push(line),
    warn: (line) => void warnings.push(line.split(':')[0] ?? ''),
  })
  const checks = Object.fromEntries(
    lines.filter((line) => /^\w+: /.test(line)).map((line) => line.split(/: (.*)/s).slice(0, 2)),
  ) as Record<string, string>
  const notTried = lines.find((line) => line.startsWith('not tried: ')) ?? ''
  return { passed, lines, warnings, checks, notTried, tookMs: performance.now() - startedMs }
}
