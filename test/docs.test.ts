/** What the documents repeat of the code is what the code says. */

import { existsSync, globSync, readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { test } from 'tap'
import { generatedFiles } from '../scripts/docs.ts'
import { problemTypes } from '../src/http/problem-types.ts'

const root = join(import.meta.dirname, '..')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

for (const [file, content] of generatedFiles())
  test(`${file} is what npm run docs writes`, async (t) => {
    t.equal(readFileSync(join(root, file), 'utf8'), content)
  })

test('every npm script that README names exists', async (t) => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: object }
  const named = [...readme.matchAll(/npm run ([a-z:]+)/g)].map(([, name]) => name ?? '')
  t.ok(named.length > 0)
  t.strictSame(
    named.filter((name) => !Object.hasOwn(scripts, name)),
    [],
  )
})

test('every file and folder that README links to exists', async (t) => {
  const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) => path ?? '')
  t.ok(links.length > 0)
  for (const path of links) t.ok(existsSync(join(root, path)), path)
})

test('every file that a guide links to exists', async (t) => {
  const guides = globSync('{CONTRIBUTING.md,docs/**/*.md,simulator/**/*.md}', { cwd: root })
  const links = guides.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path]) =>
      join(dirname(file), path ?? ''),
    ),
  )
  t.ok(links.length > 0)
  for (const link of links) t.ok(existsSync(join(root, link)), link)
})

test('architecture.md names every room, and each name that it points at is there', async (t) => {
  const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8')
  for (const room of globSync('src/*/', { cwd: root })) t.ok(text.includes(`${basename(room)}/`), room)
  // `name` in [`file`](…): the file has it.
  const named = [...text.matchAll(/`(\w+)`(?: of [^|]*)? in \[`[^`]+`\]\(([^)]+)\)/g)]
  t.ok(named.length > 0)
  for (const [, name = '', file = ''] of named)
    t.ok(readFileSync(join(root, 'docs', file), 'utf8').includes(name), `${name} in ${file}`)
})

for (const sample of ['android/NumberVerification.kt', 'ios/NumberVerification.swift'])
  test(`${sample} handles every next_action`, async (t) => {
    const text = readFileSync(join(root, 'docs/samples', sample), 'utf8')
    // A bug of the app, and the end, are what everything else is: the last branch.
    const own = ['fix_request', 'give_up']
    for (const action of new Set(Object.values(problemTypes).map(({ nextAction }) => nextAction)))
      t.ok(text.includes(own.includes(action) ? action : `"${action}"`), action)
  })
