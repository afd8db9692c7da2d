/**
 * The layering is held by the linter. A rule that catches nothing is worthless, so this plants one bad import of each kind
 * into a copy of the tree's shape and sees it refused, beside a good one that passes.
 */

import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { before, test } from 'tap'

const root = join(import.meta.dirname, '..')

/** file -> what it imports. */
const refused: Array<[file: string, specifier: string]> = [
  ['src/core/a.ts', '../store/memory.ts'],
  ['src/core/b.ts', 'fastify'],
  ['src/core/c.ts', 'node:fs'],
  ['src/idp/a.ts', '../vonage/open.ts'],
  ['src/vonage/verify/a.ts', '../network-enablement/wire.ts'],
  ['src/vonage/verify/a.ts', '../../store/memory.ts'],
  ['src/idp/b.ts', '../config.ts'],
  ['src/idp/c.ts', 'undici'],
  ['src/idp/d.ts', 'oauth4webapi'],
  ['src/vonage/a.ts', '../idp/access-token.ts'],
  ['src/vonage/b.ts', 'undici'],
  ['src/vonage/c.ts', 'jose'],
  ['src/vonage/transport.ts', 'jose'],
  ['src/vonage/application-jwt.ts', 'undici'],
  ['src/store/a.ts', '../http/server.ts'],
  ['src/store/b.ts', 'pino'],
  ['src/receipts/a.ts', '../idp/access-token.ts'],
  ['src/receipts/b.ts', '../config.ts'],
  ['src/receipts/c.ts', 'undici'],
  ['src/observability/a.ts', '../http/server.ts'],
  ['src/observability/b.ts', 'fastify'],
  ['src/observability/c.ts', 'pino'],
  ['src/observability/logger.ts', 'prom-client'],
  ['src/observability/metrics.ts', '@opentelemetry/api'],
  ['src/observability/tracing.ts', 'pino'],
  ['src/http/a.ts', '../store/memory.ts'],
  ['src/http/b.ts', '../config.ts'],
  ['src/http/c.ts', 'pino'],
  ['src/http/routes/a.ts', '../../idp/access-token.ts'],
  ['src/http/routes/b.ts', 'jose'],
  ['src/config.ts', './core/failures.ts'],
  ['src/settings/a.ts', '../config.ts'],
  ['src/settings/b.ts', 'jose'],
  ['src/compose.ts', './main.ts'],
  ['src/private-keys.ts', 'jose'],
  ['src/receipt-keys.ts', 'jose'],
  ['src/key-files.ts', 'undici'],
  ['src/preflight.ts', 'ioredis'],
  ['src/main.ts', './http/server.ts'],
  ['simulator/a.ts', '../src/core/failures.ts'],
]

const allowed: Array<[file: string, specifier: string]> = [
  ['src/core/good.ts', './failures.ts'],
  ['src/idp/good.ts', '../core/failures.ts'],
  ['src/idp/introspection.ts', 'oauth4webapi'],
  ['src/vonage/good.ts', '../core/failures.ts'],
  ['src/store/good.ts', '../core/failures.ts'],
  ['src/receipts/good.ts', '../core/failures.ts'],
  ['src/receipts/better.ts', 'jose'],
  ['src/observability/good.ts', '../core/failures.ts'],
  ['src/http/good.ts', 'fastify'],
  ['src/http/routes/good.ts', '../openapi.ts'],
  ['src/settings/good.ts', '../settings.ts'],
  ['simulator/good.ts', 'fastify'],
]

const cycle: Array<[file: string, specifier: string]> = [
  ['src/core/ring-a.ts', './ring-b.ts'],
  ['src/core/ring-b.ts', './ring-a.ts'],
]

let findings: Map<string, string[]>

before(async () => {
  const tree = await mkdtemp(join(tmpdir(), 'boundaries-'))
  try {
    await cp(join(root, 'biome.json'), join(tree, 'biome.json'))
    await cp(join(root, '.gitignore'), join(tree, '.gitignore'))
    for (const [file, specifier] of [...refused, ...allowed, ...cycle]) {
      await mkdir(dirname(join(tree, file)), { recursive: true })
      await writeFile(join(tree, file), `import value from '${specifier}'\nexport default value\n`)
    }
    findings = await lint(tree)
  } finally {
    await rm(tree, { recursive: true })
  }
})

/** @returns for each file the rules that it breaks */
async function lint(tree: string): Promise<Map<string, string[]>> {
  const biome = join(root, 'node_modules/.bin/biome')
  const report = await new Promise<string>((resolve) => {
    execFile(biome, ['lint', '--reporter=json', '--max-diagnostics=500'], { cwd: tree }, (_error, stdout) =>
      resolve(stdout),
    )
  })
  const { diagnostics } = JSON.parse(report) as Report
  const byFile = Map.groupBy(diagnostics, ({ location }) => location.path)
  return new Map([...byFile].map(([file, found]) => [file, found.map(({ category }) => category)]))
}

interface Report {
  diagnostics: Array<{ category: string; location: { path: string } }>
}

for (const [file, specifier] of refused)
  test(`${file} may not import ${specifier}`, async (t) => {
    t.strictSame(findings.get(file), ['lint/style/noRestrictedImports'])
  })

for (const [file, specifier] of allowed)
  test(`${file} may import ${specifier}`, async (t) => {
    t.equal(findings.get(file), undefined)
  })

test('two files that import each other are refused', async (t) => {
  for (const [file] of cycle) t.strictSame(findings.get(file), ['lint/suspicious/noImportCycles'])
})
