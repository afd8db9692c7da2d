/** No text, however it is made, costs a regular expression of the service more than time in proportion to its length. */

import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { checkSync } from 'recheck'
import { test } from 'tap'
import { type FoundRegex, findRegexes } from './support/regex-literals.ts'

// Else it starts a worker for every call.
process.env.RECHECK_SYNC_BACKEND = 'pure'

const root = join(import.meta.dirname, '..')
const inSource: [file: string, regexes: FoundRegex[]][] = globSync('src/**/*.ts', { cwd: root })
  .sort()
  .map((file) => [file, findRegexes(readFileSync(join(root, file), 'utf8'))])

/** A proof by automata, not a search for a bad text that may miss it. */
const verdictOf = ({ source, flags }: FoundRegex) =>
  checkSync(source, flags, { checker: 'automaton', timeout: 20_000 })

test('every regular expression of the source is linear', async (t) => {
  for (const [file, regexes] of inSource)
    for (const found of regexes) {
      const { status } = verdictOf(found)
      t.equal(status, 'safe', `${file}: /${found.source}/${found.flags} is ${status}`)
    }
})

test('no regular expression of the source is overlooked', async (t) => {
  const count = inSource.reduce((sum, [, { length }]) => sum + length, 0)
  t.ok(count >= 25, `only ${count} found`)
  for (const [file, regexes] of inSource) {
    const code = readFileSync(join(root, file), 'utf8')
    // Calls on a literal, which no comment and no text of the source looks like.
    const called = code.match(/\/[a-z]*\.(?:test|exec)\(|(?:replace|replaceAll|match|split)\(\//g) ?? []
    t.ok(regexes.length >= called.length, `${file}: ${regexes.length} of ${called.length} found`)
  }
})

test('the patterns that the API document tells are among them', async (t) => {
  const known = new Set(inSource.flatMap(([, regexes]) => regexes.map(({ source }) => source)))
  const told = readFileSync(join(root, 'openapi/openapi.json'), 'utf8').match(/(?<="pattern": )".*"/g) ?? []
  t.ok(told.length > 0)
  for (const pattern of told) t.ok(known.has(JSON.parse(pattern)), pattern)
})

test('a regular expression is told from a division, a text and a comment', async (t) => {
  const code = `
    // it's /no/
    /* /no/ */ const share = (a / b) / list[0] / 2 // /no/g
    const t = '/no/' + "/no/" + \`/no/ \${a.replace(/in/, {}) + \`\${/deep/}\`} /no/\`
    return /[/\\]]+\\/yes/giu.test(t) || { pattern: '^yes\\\\d$' } || f(/yes/) / 2
  `
  t.strictSame(findRegexes(code), [
    { source: 'in', flags: '' },
    { source: 'deep', flags: '' },
    { source: '[/\\]]+\\/yes', flags: 'giu' },
    { source: '^yes\\d$', flags: 'u' },
    { source: 'yes', flags: '' },
  ])
  t.throws(() => findRegexes('new RegExp(a)'))
  t.throws(() => findRegexes('RegExp(`a`)'))
  t.strictSame(findRegexes('new RegExp(aPattern)'), [])
  t.throws(() => findRegexes('const aPattern = `^a`'))
})

for (const source of ['^(a+)+$', '^(a|a)*$', '^a*a*$', '(a*)*b'])
  test(`the check knows that ${source} is not linear`, async (t) => {
    t.equal(verdictOf({ source, flags: '' }).status, 'vulnerable')
  })
