/**
 * What `--check-config` says before a roll-out: the settings in effect, whether the keys sign, what is risky, and with `--live`
 * whether what the service needs can be reached. Loaded by `main.ts` only when asked for. Never shows a secret.
 */
import { createPrivateKey, createPublicKey, verify } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, isIP } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { type Config, secretNames } from './config.ts'
import { fetchSigningKeys } from './idp/signing-keys.ts'
import { isUpstreamUrl } from './settings/upstream-url.ts'
import { settings } from './settings.ts'
import { redisOptions } from './stores.ts'
import { createApplicationJwt } from './vonage/application-jwt.ts'

/** For each thing that is asked. */
const checkTimeoutMs = 3000
/** A wider range is more than any network of one's own. */
const widestPrefix = { ipv4: 8, ipv6: 32 }

const defaultPorts: Record<string, number> = { 'https:': 443, 'http:': 80 }

type Name = keyof typeof settings.properties

export interface PreflightOptions {
  live: boolean
  print: (line: string) => void
  warn: (line: string) => void
}

/** @returns whether all that was checked is well; a warning does not count */
export async function preflight(config: Config, { live, print, warn }: PreflightOptions): Promise<boolean> {
  for (const name of Object.keys(settings.properties) as Name[]) print(`${name}=${shown(config, name)}`)
  for (const warning of warningsOf(config)) warn(warning)
  const checks = [...keyChecks(config), ...(live ? liveChecks(config, warn) : [])]
  const failures = await Promise.all(checks.map(([, attempt]) => failureOf(attempt)))
  for (const [n, [name]] of checks.entries())
    print(`${name}: ${failures[n] ? `failed ${failures[n]}` : 'ok'}`)
  return failures.every((failure) => failure === undefined)
}

function shown(config: Config, name: Name): string {
  const value = config[name]
  if (value === undefined) return ''
  return secretNames.includes(name) ? '[redacted]' : String(value)
}

function* warningsOf(config: Config): Generator<string> {
  if (config.REDIS_URL === undefined)
    yield 'REDIS_URL: not set, so state and limits are in memory: run one replica only'
  if (config.TRUSTED_PROXIES.some(isWide))
    yield `TRUSTED_PROXIES: a range is wider than /${widestPrefix.ipv4} (IPv6: /${widestPrefix.ipv6}); who is in it chooses its own address`
  if (config.ALLOW_INSECURE_UPSTREAM)
    yield 'ALLOW_INSECURE_UPSTREAM: tokens and numbers may leave over plain http'
}

function isWide(range: string): boolean {
  const [address = '', prefix] = range.split('/')
  return (
    prefix !== undefined && Number(prefix) < (isIP(address) === 4 ? widestPrefix.ipv4 : widestPrefix.ipv6)
  )
}

/** What is checked, by the setting that it hangs on. An attempt that fails rejects, and lets go of all when the signal aborts. */
type Check = [name: Name, attempt: (signal: AbortSignal) => Promise<unknown>]

function keyChecks(config: Config): Check[] {
  return (['VONAGE_PRIVATE_KEY', 'VONAGE_PRIVATE_KEY_NEXT'] as const).flatMap((name) => {
    const pem = config[name]
    return pem === undefined ? [] : [[name, () => signAndVerify(config.VONAGE_APPLICATION_ID, pem)]]
  })
}

async function signAndVerify(applicationId: string, pem: string): Promise<void> {
  const privateKey = createPrivateKey(pem)
  const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }
  const jwt = await createApplicationJwt({ applicationId, privateKey, clock }).current()
  const [header, payload, signature = ''] = jwt.split('.')
  if (
    !verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${payload}`),
      createPublicKey(privateKey),
      Buffer.from(signature, 'base64url'),
    )
  )
    throw new Error('its signature does not verify')
}

function liveChecks(config: Config, warn: (line: string) => void): Check[] {
  const keys = () =>
    fetchSigningKeys({
      issuer: config.AUTH_ISSUER,
      jwksUri: config.AUTH_JWKS_URI,
      algorithms: config.AUTH_ALGORITHMS,
      isAllowedUrl: (url) => isUpstreamUrl(url, config.ALLOW_INSECURE_UPSTREAM),
    })
  const checks: Check[] = [
    [config.AUTH_JWKS_URI === undefined ? 'AUTH_ISSUER' : 'AUTH_JWKS_URI', keys],
    ['VONAGE_API_URL', (signal) => connect(config.VONAGE_API_URL, signal)],
    ['VONAGE_TOKEN_URL', (signal) => connect(config.VONAGE_TOKEN_URL, signal)],
  ]
  const { REDIS_URL: urls } = config
  if (urls) checks.push(['REDIS_URL', (signal) => askRedis(redisOptions(config, urls), signal, warn)])
  return checks
}

/** A handshake and nothing else: no request is sent. */
async function connect(url: string, signal: AbortSignal): Promise<void> {
  const { protocol, hostname, port } = new URL(url)
  const secure = protocol === 'https:'
  const host = hostname.replace(/^\[|\]$/g, '')
  const servername = isIP(host) ? undefined : host
  const to = { host, port: Number(port || defaultPorts[protocol]), ...(servername && { servername }) }
  const socket = secure ? connectTls(to) : connectTcp(to)
  try {
    await once(socket, secure ? 'secureConnect' : 'connect', { signal })
  } finally {
    socket.destroy()
  }
}

async function askRedis(
  options: ReturnType<typeof redisOptions>,
  signal: AbortSignal,
  warn: (line: string) => void,
): Promise<void> {
  const { createRedisClient, findServerFaults } = await import('./store/redis-client.ts')
  const client = createRedisClient({ ...options, onError: () => undefined })
  try {
    await once(client, 'ready', { signal })
    // A cluster is ready when it knows its nodes; each one's connection takes its own time.
    const nodes = 'nodes' in client ? client.nodes() : []
    const connecting = nodes.filter(({ status }) => status !== 'ready')
    await Promise.all(connecting.map((node) => once(node, 'ready', { signal })))
    const { evicting, clusterNode } = await findServerFaults(client)
    if (evicting !== undefined)
      warn(`REDIS_URL: maxmemory-policy is ${evicting}; a full Redis would drop live states, set noeviction`)
    if (clusterNode) throw new Error('one node of a cluster; set REDIS_CLUSTER=true')
    await client.del('nebff:none')
  } finally {
    client.disconnect()
  }
}

/** @returns undefined when the attempt goes well in time */
async function failureOf(attempt: Check[1]): Promise<string | undefined> {
  const over = new AbortController()
  const late = setTimeout(checkTimeoutMs, 'TIMEOUT', { signal: over.signal }).catch(() => undefined)
  try {
    return await Promise.race([attempt(over.signal).then(() => undefined, reasonOf), late])
  } finally {
    over.abort()
  }
}

/** A code where there is one. The texts of our own errors say what is wrong; others may quote what came. */
function reasonOf(error: Error & { code?: unknown }): string {
  if (typeof error.code === 'string') return error.code
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (error.name === 'ReplyError') return error.message.replace(/ .*/s, '')
  return error.name === 'Error' ? error.message : error.name
}
