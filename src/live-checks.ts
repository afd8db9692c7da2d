/**
 * What `--check-config --live` asks of the outside, and exactly what the answer proves. Part of `preflight.ts`.
 */
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectTcp, isIP } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { keysSources } from './access-tokens.ts'
import type { Config } from './config.ts'
import type { PhoneNumber } from './core/phone-number.ts'
import { mintState } from './core/state.ts'
import { describeTrouble } from './idp/provider-trouble.ts'
import { fetchSigningKeys } from './idp/signing-keys.ts'
import { createApplicationJwt } from './vonage/application-jwt.ts'
import { createAuthUrlPolicy } from './vonage/auth-url.ts'
import { judgeNetworkEnablement, networkEnablementRequest } from './vonage/network-enablement/wire.ts'
import { createTransport } from './vonage/transport.ts'
import { judgeStart, startRequest } from './vonage/verify/wire.ts'

const defaultPorts: Record<string, number> = { 'https:': 443, 'http:': 80 }
const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }

/**
 * What is checked, by the setting that it hangs on, and how. An attempt resolves to what it now knows, rejects when it fails, and
 * lets go of all when the signal aborts.
 */
export type Check = [name: string, attempt: (signal: AbortSignal) => Promise<string>]

/** @param number of the virtual operator, to ask Vonage about it, once; undefined: Vonage gets no request */
export function liveChecks(
  config: Config,
  number: PhoneNumber | undefined,
  warn: (line: string) => void,
): Check[] {
  const checks: Check[] = [
    [config.AUTH_JWKS_URI === undefined ? 'AUTH_ISSUER' : 'AUTH_JWKS_URI', () => fetchKeys(config)],
    ...hostsOf(config).map((name): Check => [name, (signal) => connect(config[name], signal)]),
  ]
  const { REDIS_URL: urls } = config
  if (urls) checks.push(['REDIS_URL', (signal) => askRedis(config, urls, signal, warn)])
  if (number) checks.push(['VONAGE_APPLICATION_ID', (signal) => askVonage(config, number, signal)])
  return checks
}

/** What the product speaks to; messages go by Verify v2 in any case. */
function hostsOf({ VONAGE_PRODUCT: product, SMS_FALLBACK: sms }: Config) {
  if (product === 'verify') return ['VONAGE_VERIFY_URL'] as const
  return ['VONAGE_API_URL', 'VONAGE_TOKEN_URL', ...(sms ? (['VONAGE_VERIFY_URL'] as const) : [])] as const
}

async function fetchKeys(config: Config): Promise<string> {
  const sets = await Promise.all(keysSources(config).map(fetchSigningKeys)).catch((error: unknown) => {
    throw new Error(describeTrouble(error))
  })
  return sets
    .map(({ length }) => `reachable, key set with ${length} ${length === 1 ? 'key' : 'keys'}`)
    .join('; ')
}

/** A handshake and nothing else: no request is sent. */
async function connect(url: string, signal: AbortSignal): Promise<string> {
  const { protocol, hostname, port } = new URL(url)
  const secure = protocol === 'https:'
  const host = hostname.replace(/^\[|\]$/g, '')
  const servername = isIP(host) ? undefined : host
  const to = { host, port: Number(port || defaultPorts[protocol]), ...(servername && { servername }) }
  const socket = secure ? connectTls(to) : connectTcp(to)
  try {
    await once(socket, secure ? 'secureConnect' : 'connect', { signal })
    return `reachable, ${secure ? 'TLS ok' : 'without TLS'}, credentials not tried`
  } finally {
    socket.destroy()
  }
}

async function askRedis(
  config: Config,
  urls: readonly string[],
  signal: AbortSignal,
  warn: (line: string) => void,
): Promise<string> {
  const { createRedisClient, findServerFaults } = await import('./store/redis-client.ts')
  const { redisOptions } = await import('./redis-stores.ts')
  const client = createRedisClient({ ...redisOptions(config, urls), onError: () => undefined })
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
    return 'reachable, login ok, takes writes'
  } finally {
    client.disconnect()
  }
}

/** One call against the account's quota, with the first key: what comes next at a start, a retry or the other key, is left out. */
async function askVonage(config: Config, phoneNumber: PhoneNumber, signal: AbortSignal): Promise<string> {
  const jwt = await createApplicationJwt({
    applicationId: config.VONAGE_APPLICATION_ID,
    privateKey: createPrivateKey(config.VONAGE_PRIVATE_KEY),
    clock,
  }).current()
  const state = mintState()
  const scope = String(config.VONAGE_SCOPES[0])
  const correlation = { requestId: state }
  const verify = config.VONAGE_PRODUCT === 'verify'
  const apiUrl = verify ? config.VONAGE_VERIFY_URL : config.VONAGE_API_URL
  const policy = createAuthUrlPolicy({
    hosts: config.VONAGE_AUTH_URL_HOSTS,
    apiUrl,
    allowInsecure: config.ALLOW_INSECURE_UPSTREAM,
  })
  const request = verify
    ? startRequest(phoneNumber, String(config.VONAGE_BRAND), undefined, jwt, correlation)
    : networkEnablementRequest({ phoneNumber, scope, state }, jwt, correlation)
  const transport = createTransport({ url: apiUrl, connections: 1 })
  try {
    const outcome = await transport.send(request, signal)
    const url = verify
      ? judgeStart(outcome, policy, clock.wallMs()).checkUrl
      : judgeNetworkEnablement(outcome, scope, policy, clock.wallMs())
    return `Vonage took application and key, and gave ${url === undefined ? 'no' : 'a'} URL for the device`
  } finally {
    await transport.close()
  }
}
