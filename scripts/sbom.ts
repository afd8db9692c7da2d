/**
 * `npm run -s sbom`: a bill of materials (CycloneDX, JSON) of the production packages, to standard output.
 *
 * `npm sbom --omit=dev` leaves out what a development package needs as well (17 of 89, jose among them), so npm is shown a lock
 * file in which there are no development packages. What comes out must equal the lock.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isForProduction, productionPackages, readLock, root } from './production-packages.ts'

export interface Sbom {
  components: { name: string; version: string; hashes?: object[]; licenses?: object[] }[]
}

/** @throws when npm's bill is not the lock's */
export function createSbom(): Sbom {
  const lock = readLock()
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const packages = Object.fromEntries(
    Object.entries(lock.packages).filter(([, entry]) => isForProduction(entry)),
  )
  const withoutOthers = (project: object) => ({ ...project, devDependencies: {}, optionalDependencies: {} })

  const temporary = mkdtempSync(join(tmpdir(), 'sbom-'))
  try {
    // npm calls the product as its folder is called.
    const folder = join(temporary, manifest.name)
    mkdirSync(folder)
    const write = (file: string, content: object) =>
      writeFileSync(join(folder, file), JSON.stringify(content))
    write('package.json', withoutOthers(manifest))
    write('package-lock.json', {
      ...lock,
      packages: { ...packages, '': withoutOthers(lock.packages[''] ?? {}) },
    })
    const json = execFileSync(
      'npm',
      ['sbom', '--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'],
      {
        cwd: folder,
        encoding: 'utf8',
      },
    )
    const sbom = JSON.parse(json) as Sbom
    const listed = sbom.components.map(({ name, version }) => `${name}@${version}`).sort()
    if (listed.join() !== productionPackages(lock).join())
      throw new Error('the SBOM is not what package-lock.json says')
    return sbom
  } finally {
    rmSync(temporary, { recursive: true })
  }
}

if (import.meta.main) process.stdout.write(`${JSON.stringify(createSbom(), null, 2)}\n`)
