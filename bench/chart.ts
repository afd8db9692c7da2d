/** The contest as a chart: docs/performance.svg, readable on light and on dark paper. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ContestResult, type Standing, summary } from './contest.ts'
import { figure } from './harness/document.ts'

const width = 760
const labelWidth = 330
const barHeight = 20
const rowHeight = 34
const top = 64

export function writeChart(result: ContestResult): void {
  writeFileSync(join(import.meta.dirname, '../docs/performance.svg'), chart(result))
}

function chart({ standings, machine }: ContestResult): string {
  const rows = standings.toSorted((a, b) => summary(b).perSecond - summary(a).perSecond)
  const most = Math.max(...rows.map((row) => summary(row).perSecond))
  const height = top + rows.length * rowHeight + 30
  const scale = (width - labelWidth - 90) / most
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Starts per second on one core">
<style>
  text { font: 13px system-ui, "DejaVu Sans", sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .soft { fill: #59636e; font-size: 12px }
  .limit { fill: #8c959f } .ours { fill: #1a7f37 } .other { fill: #6e8bb5 }
  .fresh { fill-opacity: .6 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .soft { fill: #9198a1 }
    .limit { fill: #6e7681 } .ours { fill: #3fb950 } .other { fill: #6e8bc5 }
  }
</style>
<text class="title" x="12" y="24">Starts per second on one core, median</text>
<text class="soft" x="12" y="44">Full bars: tokens seen before, or none checked. Pale bars: every token is new.</text>
${rows.map((row, index) => bar(row, top + index * rowHeight, scale)).join('\n')}
<text class="soft" x="12" y="${height - 10}">${escaped(`${machine.cpu}, Node ${machine.node}, ${machine.date}`)}</text>
</svg>
`
}

function bar(row: Standing, y: number, scale: number): string {
  const { perSecond } = summary(row)
  const kind = row.id === 'limit' ? 'limit' : row.id.startsWith('ours') ? 'ours' : 'other'
  const length = Math.max(2, perSecond * scale)
  const fresh = row.tokens === 'fresh'
  const [first, rest] = twoLines(fresh ? `${row.title}, new tokens` : row.title)
  const middle = y + barHeight / 2 + 4
  const label = rest
    ? `<text x="${labelWidth - 8}" y="${middle - 7}" text-anchor="end">${escaped(first)}</text><text class="soft" x="${labelWidth - 8}" y="${middle + 8}" text-anchor="end">${escaped(rest)}</text>`
    : `<text x="${labelWidth - 8}" y="${middle}" text-anchor="end">${escaped(first)}</text>`
  return `${label}<rect class="${kind}${fresh ? ' fresh' : ''}" x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight}" rx="3"/><text x="${(labelWidth + length + 8).toFixed(1)}" y="${middle}">${figure(perSecond)}</text>`
}

/** Broken at the place nearest to the middle, when it is long. */
function twoLines(text: string): [string, string?] {
  if (text.length <= 44) return [text]
  const breaks = [...text.matchAll(/ (?=\+)|(?<=[:,]) /g)].map(({ index }) => index)
  const at = breaks.toSorted((a, b) => Math.abs(a - text.length / 2) - Math.abs(b - text.length / 2))[0]
  return at === undefined ? [text] : [text.slice(0, at), text.slice(at + 1)]
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
