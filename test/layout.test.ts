/** The shape of the tree: every source file has its own test at the same path, and no file is too long to read. */

import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { test } from 'tap'

const root = join(import.meta.dirname, '..')
const maxLines = 250
/** Types only: there is nothing to run. */
const withoutTest = [
  'src/core/message-ports.ts',
  'src/core/ports.ts',
  'src/core/spans.ts',
  'src/vonage/undici-pool.d.ts',
]

const sources = globSync('src/**/*.ts', { cwd: root })

test('there is a tree to look at', async (t) => {
  t.ok(sources.includes('src/main.ts') && sources.length > 20)
})

for (const source of sources.filter((file) => !withoutTest.includes(file))) {
  const mirror = source.replace(/^src\//, 'test/').replace(/\.ts$/, '.test.ts')
  test(`${source} has its test at ${mirror}`, async (t) => t.ok(existsSync(join(root, mirror))))
}

test('only what exists is excused from having a test', async (t) => {
  for (const file of withoutTest) t.ok(sources.includes(file), file)
})

test(`no file of src or simulator has more than ${maxLines} lines`, async (t) => {
  const files = globSync('{src,simulator}/**/*.*', { cwd: root })
  const long = files.filter((file) => lineCount(file) > maxLines)
  t.strictSame(long, [])
})

test('every source file is loaded by a test: coverage tells nothing of one that is not', async (t) => {
  const loaded = new Set(['src/main.ts'])
  function follow(file: string): void {
    const text = readFileSync(join(root, file), 'utf8')
    for (const [, specifier = ''] of text.matchAll(
      /(?<!^import type [^']*)(?:from|import\()\s*'(\.[^']+\.ts)'/gm,
    )) {
      const imported = relative(root, join(root, dirname(file), specifier))
      if (!imported.startsWith('src/') || loaded.has(imported)) continue
      loaded.add(imported)
      follow(imported)
    }
  }
  for (const file of ['src/main.ts', ...globSync('test/**/*.ts', { cwd: root })]) follow(file)
  t.strictSame(
    sources.filter((file) => !loaded.has(file) && !withoutTest.includes(file)),
    [],
  )
})

test('all tests are tests of tap, which would not count the assertions of others', async (t) => {
  for (const file of globSync('test/**/*.ts', { cwd: root }))
    t.notMatch(readFileSync(join(root, file), 'utf8'), /from 'node:(test|assert)/, file)
})

function lineCount(file: string): number {
  return readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length
}
