/**
 * All contestants side by side on one stub: they stay up, and in each round each gets the load for a moment, the next round in
 * the opposite order. What counts is the ratio of two within the same round; absolute rates are this machine's.
 */
import { setTimeout } from 'node:timers/promises'
import { type Contestant, route, type Surroundings, startContestant, tokensOf } from './contestants.ts'
import { type LoadOptions, load, loadOnce } from './harness/load.ts'
import { describeMachine, type Machine } from './harness/machine.ts'
import type { ServerProcess } from './harness/server-process.ts'
import { median, pairedRatios, type Spread, spread } from './harness/statistics.ts'
import type { TokenFile } from './harness/tokens.ts'

/** A process of the service is not as fast as it will be before its first 100,000 starts: the compiler still works. */
export const warmUpSeconds = 20

export interface Standing {
  id: string
  title: string
  tokens: 'repeated' | 'fresh'
  /** One for each round. */
  perSecond: number[]
  cpuUsPerRequest: number[]
  rssMiB: number
}

export interface ContestResult {
  machine: Machine
  rounds: number
  seconds: number
  standings: Standing[]
}

export interface ContestOptions {
  contestants: readonly Contestant[]
  rounds: number
  /** Of each contestant's turn. */
  seconds: number
  warmUpSeconds: number
  say: (text: string) => void
}

export async function runContest(
  surroundings: Surroundings,
  options: ContestOptions,
): Promise<ContestResult> {
  const { contestants, rounds, seconds, warmUpSeconds, say } = options
  const entrants: { server: ServerProcess; tokens: TokenFile; standing: Standing }[] = []
  for (const contestant of contestants) {
    const server = await startContestant(contestant, surroundings)
    const { id, title } = contestant
    const standing = {
      id,
      title,
      tokens: contestant.tokens,
      perSecond: [],
      cpuUsPerRequest: [],
      rssMiB: 0,
    }
    // Its own place in the circle: what others were sent does not bring it back sooner to a token that it knows.
    const tokens = { ...tokensOf(surroundings, contestant) }
    entrants.push({ server, tokens, standing })
    await load({ url: server.url + route, tokens, seconds: warmUpSeconds })
  }
  for (let round = 0; round < rounds; round++) {
    for (const { server, tokens, standing } of round % 2 === 0 ? entrants : entrants.toReversed()) {
      const turn = { url: server.url + route, tokens, seconds }
      const { perSecond, cpuUsPerRequest } = await measureTurn(server, turn).catch((error: Error) => {
        // Once more: a stall of the machine is enough to make a server shed load or run into a timeout.
        say(`${standing.id}: ${error.message}; once more`)
        return measureTurn(server, turn)
      })
      standing.perSecond.push(perSecond)
      standing.cpuUsPerRequest.push(cpuUsPerRequest)
    }
    say(`round ${round + 1} of ${rounds}`)
  }
  for (const { server, standing } of entrants) {
    standing.rssMiB = server.rssMiB()
    await server.stop()
  }
  return { machine: describeMachine(), rounds, seconds, standings: entrants.map(({ standing }) => standing) }
}

async function measureTurn(server: ServerProcess, turn: LoadOptions) {
  await setTimeout(100)
  const cpuBeforeMs = server.cpuMs()
  const { requests, perSecond } = await loadOnce(turn)
  return { perSecond, cpuUsPerRequest: ((server.cpuMs() - cpuBeforeMs) * 1000) / requests }
}

export function standingOf({ standings }: Pick<ContestResult, 'standings'>, id: string): Standing {
  const found = standings.find((standing) => standing.id === id)
  if (!found) throw new Error(`no figures of ${id}`)
  return found
}

/** Throughput of one over another's, and how much more CPU the other takes for a request, round by round. */
export function compare(
  result: Pick<ContestResult, 'standings'>,
  over: string,
  under: string,
): { rate: Spread; cpu: Spread } {
  const [a, b] = [standingOf(result, over), standingOf(result, under)]
  return {
    rate: spread(pairedRatios(a.perSecond, b.perSecond)),
    cpu: spread(pairedRatios(b.cpuUsPerRequest, a.cpuUsPerRequest)),
  }
}

/** Pairs that the service is judged by, and the least ratio of throughput that it aims at. */
export const aims: readonly { over: string; under: string; least: number }[] = [
  { over: 'ours', under: 'duties', least: 0.95 },
  { over: 'ours', under: 'plugins-cached', least: 1.5 },
  { over: 'ours-fresh', under: 'plugins-fresh', least: 1.15 },
  { over: 'ours', under: 'plugins', least: 1.4 },
  { over: 'ours', under: 'sample', least: 2.3 },
  { over: 'ours', under: 'sdk', least: 8 },
]

export function summary(standing: Standing): { perSecond: number; cpuUsPerRequest: number } {
  return { perSecond: median(standing.perSecond), cpuUsPerRequest: median(standing.cpuUsPerRequest) }
}
