/** The server under test has a core of its own; the load, the stub and the harness share the other one. */
import { spawnSync } from 'node:child_process'
import { availableParallelism } from 'node:os'

export const cores = { server: 0, load: 1 }
const enough = availableParallelism() > 1

export function pinned(core: number, command: string, args: string[]): [command: string, args: string[]] {
  return enough ? ['taskset', ['-c', String(core), command, ...args]] : [command, args]
}

/** This process as well, with all that it starts. */
export function pinHarness(): void {
  if (enough) spawnSync('taskset', ['-a', '-p', '-c', String(cores.load), String(process.pid)])
}
