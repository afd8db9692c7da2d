/**
 * The options of `npm run simulator`, one entry each: `--service-url x` and `SIMULATOR_SERVICE_URL=x` are the same, and the
 * flag wins. A further option is one more entry in `options`. The README repeats the list, and a test holds the two equal.
 */

import { parseArgs } from 'node:util'

interface Option {
  type: 'text' | 'number' | 'switch'
  /** Default: unset, or off. */
  default?: string
  about: string
}

const options = {
  host: {
    type: 'text',
    default: '127.0.0.1',
    about: 'where the listeners bind; with --https those for devices only, and their name in URLs',
  },
  https: {
    type: 'switch',
    about: 'also speaks https, for apps: Vonage’s Android library opens nothing else',
  },
  port: { type: 'number', default: '4000', about: 'the operator' },
  'idp-port': { type: 'number', default: '4001', about: 'the identity provider' },
  idp: {
    type: 'text',
    about: 'the identity provider whose form the tokens have, such as `okta`; by default RFC 9068',
  },
  'https-port': { type: 'number', default: '4443', about: 'the operator by https' },
  'https-idp-port': { type: 'number', default: '4444', about: 'the identity provider by https' },
  'https-service-port': {
    type: 'number',
    default: '3443',
    about: 'the service by https, as an edge in front of it',
  },
  'https-folder': {
    type: 'text',
    default: '.simulator',
    about: 'of the authority that devices trust; made if missing',
  },
  'redirect-uri': {
    type: 'text',
    about: 'the one registered redirect URI; by default the callback at the service',
  },
  'service-url': {
    type: 'text',
    about: 'where the service is; by default at the origin of the redirect URI, else `http://127.0.0.1:3000`',
  },
  'operator-url': {
    type: 'text',
    about:
      "the operator's URL as others reach it, such as `http://simulator:4000`; by default where it listens",
  },
  issuer: {
    type: 'text',
    about: "the identity provider's URL as others reach it; by default where it listens",
  },
  'application-id': { type: 'text', about: "Vonage's id of the application; by default a fixed UUID" },
  'private-key-file': {
    type: 'text',
    about: "the application's RSA key, made if missing; by default a temporary file",
  },
  'requests-per-second': {
    type: 'number',
    default: '10',
    about: 'the quota of Network Enablement calls; 0 is none',
  },
} as const satisfies Record<string, Option>

type Name = keyof typeof options
type Value<N extends Name> = (typeof options)[N] extends { type: 'switch' }
  ? boolean
  : (typeof options)[N] extends { type: 'number' }
    ? number
    : (typeof options)[N] extends { default: string }
      ? string
      : string | undefined

export type Options = { [N in Name]: Value<N> }

/** @throws Error that names the option: an unknown flag, or a number that is none */
export function readOptions(args: string[], env: NodeJS.ProcessEnv): Options {
  const entries = Object.entries<Option>(options)
  const flags = entries.map(([name, { type }]) => [name, { type: type === 'switch' ? 'boolean' : 'string' }])
  const values: Record<string, unknown> = parseArgs({ args, options: Object.fromEntries(flags) }).values
  return Object.fromEntries(
    entries.map(([name, option]) => {
      const text = values[name] ?? (env[variableOf(name)] || option.default)
      return [name, read(name, option.type, text)]
    }),
  ) as unknown as Options
}

/** The list in Markdown, as the README has it. */
export function optionsAsMarkdown(): string {
  const rows = Object.entries<Option>(options).map(([name, option]) => {
    return `| \`--${name}\` | ${option.default ?? ''} | ${option.about} |`
  })
  return ['| option | default | |', '|---|---|---|', ...rows].join('\n')
}

/** `--idp-port` is `SIMULATOR_IDP_PORT`. */
function variableOf(name: string): string {
  return `SIMULATOR_${name.toUpperCase().replaceAll('-', '_')}`
}

function read(name: string, type: Option['type'], text: unknown): unknown {
  if (type === 'switch') return text === true || text === 'true' || text === '1'
  if (type === 'number' && !/^\d{1,5}$/.test(String(text)))
    throw new Error(`--${name} (${variableOf(name)}) must be a whole number`)
  return type === 'number' ? Number(text) : text
}
