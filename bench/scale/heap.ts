/** What a million requests leave behind once their states have expired. */
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { ours, route, type Surroundings } from '../contestants.ts'
import { load } from '../harness/load.ts'
import { type ServerProcess, startServer } from '../harness/server-process.ts'

const requestsWanted = 1_000_000
const ttlSeconds = 10

export interface HeapFigures {
  requests: number
  idleMiB: number
  afterMiB: number
}

/** Idle is after the first requests: their code is compiled and their connections to the stub are open then, and stay so. */
export async function measureHeap(surroundings: Surroundings): Promise<HeapFigures> {
  const tokens = surroundings.tokens.repeated
  const settings = { STATE_TTL_SECONDS: String(ttlSeconds) }
  const server = await startServer(ours(surroundings, { flags: ['--expose-gc'], settings, ipc: true }))
  const url = server.url + route
  await load({ url, tokens, seconds: 2 })
  await pastTtl(url)
  const idleMiB = await heapMiB(server)
  let requests = 0
  while (requests < requestsWanted) requests += (await load({ url, tokens, seconds: 10 })).requests
  await pastTtl(url)
  const afterMiB = await heapMiB(server)
  await server.stop()
  return { requests, idleMiB, afterMiB }
}

/** The generation that is open at the end closes a sixteenth of the TTL later; a probe of readiness, as platforms send, drops it. */
async function pastTtl(url: string): Promise<void> {
  await setTimeout(ttlSeconds * 1000 * 1.2)
  await (await fetch(new URL('/readyz', url))).text()
}

async function heapMiB({ child }: ServerProcess): Promise<number> {
  const answer = once(child, 'message')
  child.send('heap')
  const [bytes] = (await answer) as [number]
  return bytes / 2 ** 20
}
