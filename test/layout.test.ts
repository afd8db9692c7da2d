/** The shape of the tree: every source file has its own test at the same path, and no file is too long to read. */
import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

const root = join(import.meta.dirname, '..')
const maxLines = 250
/** Types only: there is nothing to run. */
const withoutTest = ['src/core/message-ports.ts', 'src/core/ports.ts', 'src/core/spans.ts']

const sources = globSync('src/**/*.ts', { cwd: root })

test('there is a tree to look at', () => {
  assert.ok(sources.includes('src/main.ts') && sources.length > 20)
})

for (const source of sources.filter((file) => !withoutTest.includes(file))) {
  const mirror = source.replace(/^src\//, 'test/').replace(/\.ts$/, '.test.ts')
  test(`${source} has its test at ${mirror}`, () => assert.ok(existsSync(join(root, mirror))))
}

test('only what exists is excused from having a test', () => {
  for (const file of withoutTest) assert.ok(sources.includes(file), file)
})

test(`no file of src or simulator has more than ${maxLines} lines`, () => {
  const files = globSync('{src,simulator}/**/*.*', { cwd: root })
  const long = files.filter((file) => lineCount(file) > maxLines)
  assert.deepEqual(long, [])
})

function lineCount(file: string): number {
  return readFileSync(join(root, file), 'utf8').trimEnd().split('\n').length
}
