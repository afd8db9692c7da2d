/** The contest in words: tables for the document and the terminal, and the comparison with the stored baseline. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { aims, type ContestResult, compare, standingOf, summary } from './contest.ts'
import { figure, table } from './harness/document.ts'
import { machineText } from './harness/machine.ts'
import { median, type Spread } from './harness/statistics.ts'

/** Of its core that a server gets on a quiet machine. */
const quietShare = 0.85
const baselineFile = join(import.meta.dirname, 'baseline.json')

export function contestTables(result: ContestResult): string {
  const { machine, rounds, seconds, standings } = result
  const standing = table(
    ['', 'tokens', 'requests/s', 'CPU µs per request', 'of the limit', 'RSS MiB'],
    standings.map((one) => {
      const { perSecond, cpuUsPerRequest } = summary(one)
      const { rate } = compare(result, one.id, 'limit')
      return [
        one.title,
        one.tokens,
        figure(perSecond),
        figure(cpuUsPerRequest),
        span(rate),
        Math.round(one.rssMiB),
      ]
    }),
  )
  const ratios = table(
    ['this service against', 'tokens', 'throughput', 'CPU per request', 'aim'],
    aims.map(({ over, under, least }) => {
      const { rate, cpu } = compare(result, over, under)
      return [
        standingOf(result, under).title,
        standingOf(result, over).tokens,
        span(rate),
        span(cpu),
        `≥ ${least}`,
      ]
    }),
  )
  const how = `${rounds} rounds of ${seconds} s each, 64 connections. Medians; in brackets the least and the greatest of the rounds' own ratios.`
  return [`${machineText(machine)} ${how}`, ...disturbance(result), standing, ratios].join('\n\n')
}

/** Under a closed loop every contestant wants all of its core. When others took a part of it, rates say little; CPU time still does. */
function disturbance({ standings }: ContestResult): string[] {
  const coreShares = standings.map((one) => {
    const { perSecond, cpuUsPerRequest } = summary(one)
    return (perSecond * cpuUsPerRequest) / 1e6
  })
  const share = median(coreShares)
  if (share >= quietShare) return []
  return [
    `The machine was not quiet: the servers got ${figure(share * 100)} % of their core. Judge by CPU time.`,
  ]
}

export function span({ min, median: middle, max }: Spread): string {
  return `**${figure(middle)}** (${figure(min)}–${figure(max)})`
}

export function saveBaseline(result: ContestResult): void {
  writeFileSync(baselineFile, `${JSON.stringify(result, null, 2)}\n`)
}

/** Shares of the limit, since they say the same on another machine; CPU time only on the same. */
export function againstBaseline(result: ContestResult): string {
  if (!existsSync(baselineFile)) return 'There is no baseline yet: npm run bench -- --save-baseline'
  const baseline = JSON.parse(readFileSync(baselineFile, 'utf8')) as ContestResult
  const rows = result.standings
    .filter(({ id }) => id !== 'limit' && baseline.standings.some((one) => one.id === id))
    .map(({ id }) => {
      const [now, before] = [
        compare(result, id, 'limit').rate.median,
        compare(baseline, id, 'limit').rate.median,
      ]
      const cpuNow = summary(standingOf(result, id)).cpuUsPerRequest
      const cpuBefore = summary(standingOf(baseline, id)).cpuUsPerRequest
      return [
        id,
        figure(before),
        figure(now),
        `× ${figure(now / before)}`,
        figure(cpuBefore),
        figure(cpuNow),
        `× ${figure(cpuNow / cpuBefore)}`,
      ]
    })
  const head = ['share of the limit', 'baseline', 'now', 'ratio', 'CPU µs baseline', 'now', 'ratio']
  return `Against the baseline of ${baseline.machine.date} (${baseline.machine.commit}, ${baseline.rounds} rounds); ±15 % is noise:\n\n${table(head, rows)}`
}
