/**
 * Reads what the last `tap` wrote down, and exits 1 when a test was skipped without a reason, or has not asserted anything: to tap
 * both are fine. Part of `npm test`.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const faults = globSync('test/**/*.test.ts', { cwd: root }).flatMap((file) =>
  faultsIn(readFileSync(join(root, '.tap/test-results', `${file}.tap`), 'utf8')).map(
    (fault) => `${file}: ${fault}`,
  ),
)
if (faults.length > 0) {
  process.stderr.write(`${faults.join('\n')}\n`)
  process.exitCode = 1
}

function faultsIn(text: string): string[] {
  const unexplained = [...text.matchAll(/^ *(?:not )?ok \d+ - (.*) # (?:SKIP|TODO) *$/gim)].map(
    ([, title]) => `skipped without a reason: ${title}`,
  )
  const empty = [...text.matchAll(/^( *)1\.\.0(?! #).*\n\1?(?: *\n)* *ok \d+ - (.*?)(?: # time.*)?$/gm)].map(
    ([, , title]) => `asserts nothing: ${title}`,
  )
  const none = /# SKIP no tests found/.test(text) ? ['has no tests'] : []
  return [...unexplained, ...empty, ...none]
}
