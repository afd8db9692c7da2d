/**
 * The settings: environment variables in, one frozen `Config` out, or every problem at once.
 * A problem names its variable and never repeats a value, which may be a secret. Imports nothing of ours but what settings are made of.
 */
import type { TSchema } from '@sinclair/typebox'
import { Errors } from '@sinclair/typebox/errors'
import { readCertificateText } from './settings/certificate-text.ts'
import { readKeyText } from './settings/key-text.ts'
import { meaningProblems } from './settings/meaning.ts'
import { misspeltSettings } from './settings/names.ts'
import { readSecretFile, shownPath } from './settings/secret-file.ts'
import { expectationOf, hasQuotes, parseValue, requirementOf } from './settings/text.ts'
import { type Settings, settings } from './settings.ts'

/** Settings that hold secrets. */
export const secretNames = Object.entries(settings.properties).flatMap(([name, schema]) =>
  (schema as TSchema).secret === true ? name : [],
)

/** The settings, and for a secret that came from a file its path: the file may change. */
export type Config = Readonly<Settings & { [name in keyof Settings as `${name}_FILE`]?: string }>
export type Environment = Readonly<Record<string, string | undefined>>

/** All that is wrong with the settings, one line each: `NAME: what is wrong and what to do`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super('the settings are not usable')
    this.problems = problems
  }
}

/**
 * An empty variable counts as unset. Lists are comma-separated. A private key may be written in any way that `key-text.ts` reads,
 * and is always the same PEM here.
 * @throws ConfigError
 */
export function parseConfig(environment: Environment): Config {
  const problems = new Map<string, string>(misspellings(environment))
  const found: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(settings.properties)) {
    try {
      const value = read(environment, name, schema)
      if (value !== undefined) found[name] = value
      if (fileOf(environment, name, schema)) found[`${name}_FILE`] = fileOf(environment, name, schema)
    } catch (error) {
      problems.set(name, (error as Error).message)
    }
  }
  const values = { ...defaults(), ...found }
  for (const { path } of Errors(settings, values)) {
    const [, name = ''] = path.split('/')
    const wrong = settings.properties[name as keyof Settings]
    if (!problems.has(name))
      problems.set(name, found[name] === undefined ? requirementOf(wrong, name) : expectationOf(wrong))
  }
  const known = Object.fromEntries(Object.entries(values as Config).filter(([name]) => !problems.has(name)))
  const isGiven = (name: string) => problems.has(name) || String(found[name] ?? '') !== ''
  for (const [name, problem] of meaningProblems(known, isGiven)) problems.set(name, problem)
  if (problems.size > 0) throw new ConfigError([...problems].map(([name, problem]) => `${name}: ${problem}`))
  return deepFreeze(values as Config)
}

function misspellings(environment: Environment): [string, string][] {
  const set = Object.keys(environment).filter((name) => environment[name])
  const names = Object.keys(settings.properties)
  const files = secretNames.map((name) => `${name}_FILE`)
  return misspeltSettings(set, [...names, ...files]).map(([name, meant]) => {
    if (name === `${meant}_FILE`)
      return [name, `no such setting: only a secret can come from a file, set ${meant}`]
    return [name, `no such setting: did you mean ${meant}? Rename it, or take it away`]
  })
}

/** Each time anew, since a list is frozen later. */
function defaults(): Record<string, unknown> {
  const given = Object.entries(settings.properties).filter(
    ([, { default: fallback }]) => fallback !== undefined,
  )
  return Object.fromEntries(given.map(([name, { default: fallback }]) => [name, structuredClone(fallback)]))
}

function fileOf(environment: Environment, name: string, { secret }: TSchema): string | undefined {
  return secret ? environment[`${name}_FILE`] || undefined : undefined
}

function read(environment: Environment, name: string, schema: TSchema): unknown {
  const file = fileOf(environment, name, schema)
  if (file && environment[name]) throw new Error(`set either ${name} or ${name}_FILE, not both`)
  const text = file ? readSecretFile(file, `${name}_FILE`) : environment[name]
  if (!text) return undefined
  if (hasQuotes(text))
    throw new Error('its value kept the quotes around it: remove them, here nothing takes them away')
  const { value, fault } = valueOfText(text, schema)
  if (fault !== undefined) throw new Error(file ? `${fault} (the file is ${shownPath(file)})` : fault)
  return value
}

function valueOfText(text: string, schema: TSchema): { value?: unknown; fault?: string | undefined } {
  if (schema.privateKey) {
    const { key, fault } = readKeyText(text, schema.privateKey)
    return { value: key?.export({ type: 'pkcs8', format: 'pem' }), fault }
  }
  if (schema.certificate) {
    const { pem, fault } = readCertificateText(text)
    return { value: pem, fault }
  }
  return { value: parseValue(text, schema) }
}

function deepFreeze(config: Config): Config {
  for (const value of Object.values(config)) Object.freeze(value)
  return Object.freeze(config)
}
