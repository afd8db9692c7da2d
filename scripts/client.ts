/**
 * Writes client/api.ts, the types of a client, from openapi/openapi.json. The generator needs an older TypeScript than we do, so it
 * has a folder with packages of its own, installed when it is first used. The gate compares by hash and needs neither.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const client = join(root, 'client')
const file = join(client, 'api.ts')

/** @returns whether the types were made from exactly this document */
export function isClientOf(document: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8').startsWith(firstLine(document))
}

/** The packages of the folder, where they are not yet. */
export function installClientTools(): void {
  if (!existsSync(join(client, 'node_modules'))) run('npm', ['ci', '--ignore-scripts', '--loglevel=error'])
}

function firstLine(document: string): string {
  return `// Written by npm run openapi, from openapi/openapi.json of SHA-256 ${createHash('sha256').update(document).digest('hex')}.\n`
}

function run(command: string, args: string[]): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: client, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`)
  return stdout
}

if (import.meta.main) {
  installClientTools()
  const document = readFileSync(join(root, 'openapi/openapi.json'), 'utf8')
  const types = run(process.execPath, [
    'node_modules/openapi-typescript/bin/cli.js',
    join(root, 'openapi/openapi.json'),
  ])
  writeFileSync(file, firstLine(document) + types)
}
