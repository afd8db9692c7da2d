/**
 * Keeps what is written twice in step: the tables in README.md (between `<!-- name -->` and `<!-- /name -->`) and
 * .env.example are made from the settings, the routes' document and the problem table. `npm run docs` writes them; a test
 * fails when they differ.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { problemTypes } from '../src/http/problem-types.ts'
import { settings } from '../src/settings.ts'

const root = join(import.meta.dirname, '..')
const required = new Set<string>(settings.required)

/** The files with generated parts, by path from the root, as they should be. */
export function generatedFiles(): Map<string, string> {
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  return new Map([
    ['README.md', withTable(withTable(readme, 'settings', settingsTable()), 'problems', problemsTable())],
    ['.env.example', environmentExample()],
  ])
}

function withTable(text: string, name: string, table: string): string {
  const [open, close] = [`<!-- ${name} -->\n`, `<!-- /${name} -->`]
  const [start, end] = [text.indexOf(open), text.indexOf(close)]
  if (start < 0 || end < start) throw new Error(`README.md has no place for the table ${name}`)
  return `${text.slice(0, start + open.length)}\n${table}\n${text.slice(end)}`
}

function settingsTable(): string {
  const rows = Object.entries(settings.properties).map(([name, schema]) => {
    const shown = schema.secret === true ? `\`${name}\` or \`${name}_FILE\`` : `\`${name}\``
    return `| ${shown} | ${defaultOf(name, schema.default) || '(none)'} | ${schema.description} |`
  })
  return `| variable | default | |\n| --- | --- | --- |\n${rows.join('\n')}\n`
}

function defaultOf(name: string, fallback: unknown): string {
  const isRequired = required.has(name) && fallback === undefined
  return isRequired ? '**required**' : String(fallback ?? '').replace(/^.+$/, '`$&`')
}

function problemsTable(): string {
  const rows = Object.entries(problemTypes).map(
    ([code, { status, nextAction, detail }]) => `| \`${code}\` | ${status} | \`${nextAction}\` | ${detail} |`,
  )
  return `| code | status | next_action | what it tells the developer |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`
}

function environmentExample(): string {
  const blocks = Object.entries(settings.properties).map(([name, schema]) => {
    const needed = required.has(name) && schema.default === undefined
    const lines = [`# ${schema.description}${needed ? ' Required.' : ''}`]
    if (schema.secret === true) lines.push(`# Or the path of a file that holds it: ${name}_FILE=`)
    return [...lines, `${needed ? '' : '#'}${name}=${schema.default ?? ''}`].join('\n')
  })
  return `# Every setting, with its default. The service reads the environment alone; \`npm run dev\` also reads a file .env.\n\n${blocks.join('\n\n')}\n`
}

if (import.meta.main) for (const [file, content] of generatedFiles()) writeFileSync(join(root, file), content)
