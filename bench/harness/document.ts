/** Writes what was measured into docs/performance.md, between `<!-- name -->` and `<!-- /name -->`, and into bench/results. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const document = join(import.meta.dirname, '../../docs/performance.md')
const results = join(import.meta.dirname, '../results')

export function writeSection(name: string, content: string): void {
  const text = readFileSync(document, 'utf8')
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const [start, end] = [text.indexOf(open), text.indexOf(close)]
  if (start < 0 || end < start) throw new Error(`docs/performance.md has no place for ${name}`)
  writeFileSync(document, `${text.slice(0, start + open.length)}\n${content.trim()}\n\n${text.slice(end)}`)
}

export function saveResult(name: string, result: object): void {
  mkdirSync(results, { recursive: true })
  const stamp = new Date().toISOString().replace(/[:.]/g, '-').slice(0, 19)
  writeFileSync(join(results, `${name}-${stamp}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join(
    '\n',
  )
}

/** A figure with three digits that count. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  return String(Number(value.toPrecision(3)))
}
