/** What is installed in production: how much, from where, under which licences, and why. */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { isForProduction, productionPackages, readLock, root } from '../scripts/production-packages.ts'
import { createSbom } from '../scripts/sbom.ts'

/** Licences that ask for no more than to be named. */
const allowedLicences = ['Apache-2.0', 'BlueOak-1.0.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT']
const maxDirectDependencies = 15

type Versions = Record<string, string>
interface Manifest {
  name: string
  version: string
  license?: string
  dependencies?: Versions
  devDependencies?: Versions
  optionalDependencies?: Versions
}

const read = (file: string) => readFileSync(join(root, file), 'utf8')
const manifestOf = (folder: string) => JSON.parse(read(join(folder, 'package.json'))) as Manifest

const manifest = manifestOf('.')
const lock = readLock()
const locked = Object.entries(lock.packages).filter(([place]) => place !== '')
const production = locked.filter(([, entry]) => isForProduction(entry))

test('there is a production install to look at', async (t) => {
  t.ok(production.length > Object.keys(manifest.dependencies ?? {}).length)
})

test('every package is locked to bytes, and comes from the registry', async (t) => {
  for (const [place, { integrity, resolved, link }] of locked) {
    t.match(integrity ?? '', /^sha512-/, place)
    // npm writes it or not, as it is set up; what matters is that nothing comes from elsewhere.
    t.ok(resolved === undefined || resolved.startsWith('https://registry.npmjs.org/'), place)
    t.equal(link, undefined, place)
  }
})

test('no package wants to run anything at install time, so npm ci --ignore-scripts is a whole install', async (t) => {
  t.strictSame(
    locked.filter(([, entry]) => entry.hasInstallScript).map(([place]) => place),
    [],
  )
})

test('every direct dependency is pinned exactly, and locked as it is pinned', async (t) => {
  const { dependencies, devDependencies, optionalDependencies } = manifest
  for (const [name, version] of Object.entries({
    ...dependencies,
    ...devDependencies,
    ...optionalDependencies,
  })) {
    t.match(version, /^\d+\.\d+\.\d+$/, name)
    t.equal(lock.packages[`node_modules/${name}`]?.version, version, name)
  }
})

test('every production package is installed as locked, under a licence of the list', async (t) => {
  for (const [place, { version }] of production) {
    const installed = manifestOf(place)
    t.equal(installed.version, version, place)
    t.ok(allowedLicences.includes(installed.license ?? ''), `${place}: ${installed.license}`)
  }
})

test('no production package has native code', async (t) => {
  for (const [place] of production) t.ok(!existsSync(join(root, place, 'binding.gyp')), place)
})

test(`at most ${maxDirectDependencies} direct production dependencies, each with its reason in docs/decisions.md`, async (t) => {
  const [, table = ''] = read('docs/decisions.md').split(
    '\n| package | home | reason |\n| --- | --- | --- |\n',
  )
  const rows = [...table.matchAll(/^\| (\S+) \| [^|]+ \| [^|]{5,} \|$/gm)].map(([, name]) => name ?? '')
  const direct = Object.keys(manifest.dependencies ?? {}).sort()
  t.strictSame(rows.sort(), direct)
  // Those of tracing are counted as one: they are loaded together or, as by default, not at all.
  const counted = new Set(direct.map((name) => name.replace(/^(@opentelemetry)\/.*/, '$1')))
  t.ok(counted.size <= maxDirectDependencies, [...counted].join())
})

test('the SBOM has every production package once, with hash and licence, and nothing else', async (t) => {
  const { components } = createSbom()
  t.strictSame(components.map(({ name, version }) => `${name}@${version}`).sort(), productionPackages(lock))
  for (const { name, hashes, licenses } of components) t.ok(hashes?.length && licenses?.length, name)
})
