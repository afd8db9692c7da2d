/** What a production install has (`npm ci --omit=dev --omit=optional`), as package-lock.json says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

export const root = join(import.meta.dirname, '..')

export interface LockEntry {
  version: string
  integrity?: string
  resolved?: string
  link?: boolean
  dev?: boolean
  optional?: boolean
  devOptional?: boolean
  hasInstallScript?: boolean
}

export interface Lock {
  /** By place in the tree; the place of the root is ''. */
  packages: Record<string, LockEntry>
}

export const readLock = () => JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock

export const isForProduction = ({ dev, optional, devOptional }: LockEntry) =>
  !dev && !optional && !devOptional

/** @returns `name@version` of each, in order, without the doubles that lie in several places */
export function productionPackages({ packages }: Lock): string[] {
  const entries = Object.entries(packages).filter(([place, entry]) => place && isForProduction(entry))
  const names = entries.map(([place, { version }]) => `${place.replace(/^.*node_modules\//, '')}@${version}`)
  return [...new Set(names)].sort()
}
