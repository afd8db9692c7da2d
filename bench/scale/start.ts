/** From the start of the process to the line "listening", exactly as the image starts it; and its memory at rest. */
import { setTimeout } from 'node:timers/promises'
import { ours, type Surroundings } from '../contestants.ts'
import { startServer } from '../harness/server-process.ts'
import { median } from '../harness/statistics.ts'

const starts = 9

export async function measureStart(surroundings: Surroundings) {
  const startedInMs: number[] = []
  const cpuMs: number[] = []
  const rssMiB: number[] = []
  for (let time = 0; time < starts; time++) {
    const server = await startServer(ours(surroundings, { unlimited: false }))
    startedInMs.push(server.startedInMs)
    cpuMs.push(server.cpuMs())
    if (time % 3 === 0) {
      await setTimeout(3000)
      rssMiB.push(server.rssMiB())
    }
    await server.stop()
  }
  return { listeningMs: median(startedInMs), cpuMs: median(cpuMs), idleRssMiB: median(rssMiB) }
}
