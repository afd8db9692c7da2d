/**
 * `npm run bench -- --against DIR`: has a change won or cost anything? This checkout's service beside that of another one, with
 * repeated and with new tokens. Two processes of the same code differ, sometimes by 40 %, for as long as they live, so there are several
 * of each. With `--flags "…"` this one gets Node's flags besides those of the image; against `.` that tries the flags alone.
 */
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'
import { runContest, standingOf, warmUpSeconds } from './contest.ts'
import { span } from './contest-report.ts'
import { type Contestant, ours, productionFlags, type Surroundings } from './contestants.ts'
import { saveResult, table } from './harness/document.ts'
import { describeMachine, machineText } from './harness/machine.ts'
import { pairedRatios, spread } from './harness/statistics.ts'

const lengths = { rounds: 12, seconds: 1, warmUpSeconds }
const processesOfEach = [1, 2, 3]
const kinds = ['repeated', 'fresh'] as const

export interface AgainstOptions {
  /** The other checkout. */
  directory: string
  /** Separated by spaces. */
  flags: string
}

export async function runAgainst(
  surroundings: Surroundings,
  { directory, flags }: AgainstOptions,
  say: (text: string) => void,
): Promise<string> {
  const root = resolve(directory)
  if (spawnSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 2] }).status !== 0)
    throw new Error(`${root} cannot be built`)
  const sides = {
    here: { flags: [...productionFlags, ...flags.split(' ').filter(Boolean)] },
    there: { root },
  }
  const rows: string[][] = []
  for (const tokens of kinds) {
    const contestants = processesOfEach.flatMap((n) =>
      Object.entries(sides).map(
        ([side, options]): Contestant => ({
          id: `${side} ${n}`,
          title: side,
          tokens,
          authenticates: true,
          server: (all) => ours(all, options),
        }),
      ),
    )
    const result = await runContest(surroundings, { ...lengths, contestants, say })
    saveResult(`against-${tokens}`, result)
    const pairs = processesOfEach.map((n) => ({
      here: standingOf(result, `here ${n}`),
      there: standingOf(result, `there ${n}`),
    }))
    const ratios = (of: 'perSecond' | 'cpuUsPerRequest') =>
      span(spread(pairs.flatMap(({ here, there }) => pairedRatios(here[of], there[of]))))
    rows.push([tokens, ratios('perSecond'), ratios('cpuUsPerRequest')])
  }
  const head = ['tokens', 'throughput of the other', 'CPU of the other']
  return [machineText(describeMachine()), table(head, rows)].join('\n\n')
}
