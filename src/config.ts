/**
 * The settings: environment variables in, one frozen `Config` out, or every problem at once.
 * A problem names its variable and never repeats a value, which may be a secret. Imports nothing of ours but the list of settings.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import type { Static, TSchema } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { settings } from './settings.ts'

const upstreamUrls = [
  'AUTH_ISSUER',
  'AUTH_JWKS_URI',
  'VONAGE_API_URL',
  'VONAGE_TOKEN_URL',
  'VONAGE_REDIRECT_URI',
] as const

const schema = TypeCompiler.Compile(settings)

/** Settings that hold secrets. */
export const secretNames = Object.entries(settings.properties).flatMap(([name, schema]) =>
  (schema as TSchema).secret === true ? name : [],
)

type Settings = Static<typeof settings>
type Name = keyof Settings
/** The settings, and where the private keys came from if they came from files, which may change. */
export type Config = Readonly<
  Settings & { VONAGE_PRIVATE_KEY_FILE?: string; VONAGE_PRIVATE_KEY_NEXT_FILE?: string }
>
export type Environment = Readonly<Record<string, string | undefined>>

/** All that is wrong with the settings, one line each: `NAME: what is expected`. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]
  constructor(problems: readonly string[]) {
    super('the settings are not usable')
    this.problems = problems
  }
}

/**
 * An empty variable counts as unset. Lists are comma-separated. In a PEM, `\n` written as two characters is a line break.
 * @throws ConfigError
 */
export function parseConfig(environment: Environment): Config {
  const problems = new Map<string, string>()
  const found: Record<string, unknown> = {}
  for (const [name, schema] of Object.entries(settings.properties)) {
    try {
      const value = read(environment, name, schema.secret === true)
      if (value !== undefined) found[name] = fromText(value, schema)
      if (schema.secret === true && environment[`${name}_FILE`])
        found[`${name}_FILE`] = environment[`${name}_FILE`]
    } catch (error) {
      problems.set(name, (error as Error).message)
    }
  }
  const values = { ...defaults(), ...found }
  for (const { path, message } of schema.Errors(values)) {
    const [, name = ''] = path.split('/')
    if (!problems.has(name))
      problems.set(name, found[name] === undefined ? 'required' : message.toLowerCase())
  }
  const known = Object.fromEntries(Object.entries(values as Config).filter(([name]) => !problems.has(name)))
  for (const [name, problem] of checkMeaning(known)) problems.set(name, problem)
  if (problems.size > 0) throw new ConfigError([...problems].map(([name, problem]) => `${name}: ${problem}`))
  return deepFreeze(values as Config)
}

/** Each time anew, since a list is frozen later. */
function defaults(): Record<string, unknown> {
  const given = Object.entries(settings.properties).filter(
    ([, { default: fallback }]) => fallback !== undefined,
  )
  return Object.fromEntries(given.map(([name, { default: fallback }]) => [name, structuredClone(fallback)]))
}

function read(environment: Environment, name: string, secret: boolean): string | undefined {
  const value = environment[name] || undefined
  const file = secret ? environment[`${name}_FILE`] || undefined : undefined
  if (file === undefined) return value
  if (value !== undefined) throw new Error(`set either ${name} or ${name}_FILE, not both`)
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new Error(`the file named by ${name}_FILE cannot be read`)
  }
}

/** Text that is not of the type stays text, so that the schema reports it. */
function fromText(value: string, { type, secret }: TSchema): unknown {
  if (type === 'integer' && /^\d{1,15}$/.test(value)) return Number(value)
  if (type === 'boolean' && /^(true|false)$/.test(value)) return value === 'true'
  if (type === 'array') return value.split(',').flatMap((item) => item.trim() || [])
  return secret ? withLineBreaks(value) : value
}

/** What a schema cannot say. Only settings that passed it are looked at. */
function* checkMeaning(config: Partial<Config>): Generator<[Name, string]> {
  const allowHttp = config.ALLOW_INSECURE_UPSTREAM === true
  for (const name of upstreamUrls) {
    const url = config[name]
    if (url !== undefined && !isUpstreamUrl(url, allowHttp))
      yield [name, 'expected an https URL without userinfo or fragment (http only for loopback)']
  }
  // Spans hold nothing personal, and a collector in the same network commonly speaks plain http.
  if (
    config.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined &&
    !isUpstreamUrl(config.OTEL_EXPORTER_OTLP_ENDPOINT, true)
  )
    yield ['OTEL_EXPORTER_OTLP_ENDPOINT', 'expected an http or https URL without userinfo or fragment']
  if (config.TRUSTED_PROXIES?.some((range) => !isAddressRange(range)))
    yield ['TRUSTED_PROXIES', 'expected CIDR ranges such as 10.0.0.0/8; a hop count is not accepted']
  for (const name of ['AUTH_ALGORITHMS', 'AUTH_TOKEN_TYPES', 'VONAGE_SCOPES'] as const)
    if (config[name]?.length === 0) yield [name, 'expected at least one value']
  if (config.REDIS_URL?.some((url) => !isRedisUrl(url)) || config.REDIS_URL?.length === 0)
    yield ['REDIS_URL', 'expected redis:// or rediss:// URLs, separated by commas']
  if (config.VONAGE_AUTH_URL_HOSTS?.some((host) => !/^(\*\.)?[a-z0-9.-]+$/.test(host)))
    yield ['VONAGE_AUTH_URL_HOSTS', 'expected host names in lower case, or *.suffix']
  for (const name of ['VONAGE_PRIVATE_KEY', 'VONAGE_PRIVATE_KEY_NEXT'] as const) {
    const pem = config[name]
    if (pem !== undefined && !parsePrivateKey(pem))
      yield [name, 'expected a PEM with an unencrypted RSA private key of 2048 bits or more']
  }
}

/** https, or plain http where nobody can listen in or the operator said so. */
export function isUpstreamUrl(text: string, allowHttp: boolean): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password, hash } = new URL(text)
  if (username || password || hash) return false
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
  return protocol === 'https:' || (protocol === 'http:' && (loopback || allowHttp))
}

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname, username, password } = new URL(text)
  if (/%(?![0-9a-f]{2})/i.test(username + password)) return false
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^(\/\d*)?$/.test(pathname)
}

function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128))
}

/** @returns undefined unless it is a PEM with an unencrypted RSA key of 2048 bits or more; `\n` may be written as two characters */
export function parsePrivateKey(text: string): KeyObject | undefined {
  try {
    const key = createPrivateKey(withLineBreaks(text))
    const { asymmetricKeyType, asymmetricKeyDetails } = key
    return asymmetricKeyType === 'rsa' && Number(asymmetricKeyDetails?.modulusLength) >= 2048
      ? key
      : undefined
  } catch {
    return undefined
  }
}

function withLineBreaks(text: string): string {
  return text.replaceAll('\\n', '\n')
}

function deepFreeze(config: Config): Config {
  for (const value of Object.values(config)) Object.freeze(value)
  return Object.freeze(config)
}
