/** Latency while the service is not saturated: the same steady load through it, through the limit, and straight to the stub. */
import { ours, route, type Surroundings, theLimit } from '../contestants.ts'
import { load } from '../harness/load.ts'
import { startServer } from '../harness/server-process.ts'
import { median } from '../harness/statistics.ts'

const connections = 200
const rounds = 4
const seconds = 3

interface Latency {
  p50Ms: number
  p99Ms: number
}

export interface LatencyFigures {
  mostPerSecond: number
  /** `added` is to the stub's in the same round, `overLimit` to the limit's. */
  steps: {
    share: number
    perSecond: number
    ours: Latency
    stub: Latency
    added: Latency
    overLimit: Latency
  }[]
}

export async function measureLatency(surroundings: Surroundings): Promise<LatencyFigures> {
  const tokens = surroundings.tokens.repeated
  const server = await startServer(ours(surroundings))
  const limit = await startServer(await theLimit.server(surroundings))
  const through = server.url + route
  const throughLimit = limit.url + route
  const straight = `${surroundings.stub.url}/v0.1/network-enablement`
  for (const url of [through, throughLimit]) await load({ url, tokens, seconds: 5 })
  const most: number[] = []
  for (let round = 0; round < 3; round++)
    most.push((await load({ url: through, tokens, seconds: 3 })).perSecond)
  const mostPerSecond = median(most)

  const steps: LatencyFigures['steps'] = []
  for (const share of [0.1, 0.5, 0.8]) {
    // Each connection waits so long between an answer and the next request.
    const pauseMs = Math.round((connections / (share * mostPerSecond)) * 1000)
    const measure = (url: string) => load({ url, tokens, seconds, connections, pauseMs })
    const runs: Record<'ours' | 'limit' | 'stub', Awaited<ReturnType<typeof load>>>[] = []
    for (let round = 0; round < rounds; round++)
      runs.push({
        ours: await measure(through),
        limit: await measure(throughLimit),
        stub: await measure(straight),
      })
    type Run = (typeof runs)[number]
    const of = (pick: (run: Run) => number) => median(runs.map(pick))
    const latencyOf = (one: keyof Run) => ({
      p50Ms: of((run) => run[one].p50Us) / 1000,
      p99Ms: of((run) => run[one].p99Us) / 1000,
    })
    const addedTo = (one: keyof Run) => ({
      p50Ms: of((run) => run.ours.p50Us - run[one].p50Us) / 1000,
      p99Ms: of((run) => run.ours.p99Us - run[one].p99Us) / 1000,
    })
    steps.push({
      share,
      perSecond: of((run) => run.ours.perSecond),
      ours: latencyOf('ours'),
      stub: latencyOf('stub'),
      added: addedTo('stub'),
      overLimit: addedTo('limit'),
    })
  }
  await server.stop()
  await limit.stop()
  return { mostPerSecond, steps }
}
