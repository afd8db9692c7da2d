/** Latency while the service is not saturated: the same steady load through the service and straight to the stub. */
import { ours, route, type Surroundings } from '../contestants.ts'
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
  steps: { share: number; perSecond: number; ours: Latency; stub: Latency; added: Latency }[]
}

export async function measureLatency(surroundings: Surroundings): Promise<LatencyFigures> {
  const server = await startServer(ours(surroundings))
  const tokens = surroundings.tokens.repeated
  const through = server.url + route
  const straight = `${surroundings.stub.url}/v0.1/network-enablement`
  await load({ url: through, tokens, seconds: 5 })
  const most: number[] = []
  for (let round = 0; round < 3; round++)
    most.push((await load({ url: through, tokens, seconds: 3 })).perSecond)
  const mostPerSecond = median(most)

  const steps: LatencyFigures['steps'] = []
  for (const share of [0.1, 0.5, 0.8]) {
    // Each connection waits so long between an answer and the next request.
    const pauseMs = Math.round((connections / (share * mostPerSecond)) * 1000)
    const runs: { ours: Awaited<ReturnType<typeof load>>; stub: Awaited<ReturnType<typeof load>> }[] = []
    for (let round = 0; round < rounds; round++)
      runs.push({
        ours: await load({ url: through, tokens, seconds, connections, pauseMs }),
        stub: await load({ url: straight, tokens, seconds, connections, pauseMs }),
      })
    const of = (pick: (run: (typeof runs)[number]) => number) => median(runs.map(pick))
    steps.push({
      share,
      perSecond: of((run) => run.ours.perSecond),
      ours: { p50Ms: of((run) => run.ours.p50Us) / 1000, p99Ms: of((run) => run.ours.p99Us) / 1000 },
      stub: { p50Ms: of((run) => run.stub.p50Us) / 1000, p99Ms: of((run) => run.stub.p99Us) / 1000 },
      added: {
        p50Ms: of((run) => run.ours.p50Us - run.stub.p50Us) / 1000,
        p99Ms: of((run) => run.ours.p99Us - run.stub.p99Us) / 1000,
      },
    })
  }
  await server.stop()
  return { mostPerSecond, steps }
}
