/** What the figures were measured on. */
import { execFileSync } from 'node:child_process'
import { cpus, release, totalmem } from 'node:os'

export interface Machine {
  cpu: string
  cores: number
  memoryGiB: number
  kernel: string
  node: string
  nginx: string
  wrk: string
  commit: string
  date: string
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    nginx: versionOf('nginx -v 2>&1'),
    wrk: versionOf('wrk -v 2>&1 | head -1'),
    commit: versionOf('git rev-parse --short HEAD'),
    date: new Date().toISOString().slice(0, 10),
  }
}

export function machineText({
  cpu,
  cores,
  memoryGiB,
  kernel,
  node,
  nginx,
  wrk,
  commit,
  date,
}: Machine): string {
  return `Measured on ${date} at ${commit}: ${cpu}, ${cores} virtual cores, ${memoryGiB} GiB, Linux ${kernel}, Node ${node}, nginx ${nginx}, wrk ${wrk}.`
}

function versionOf(command: string): string {
  const text = execFileSync('sh', ['-c', command], { encoding: 'utf8', cwd: import.meta.dirname }).trim()
  return /\d+\.\d+[.\d]*/.exec(text)?.[0] ?? text
}
