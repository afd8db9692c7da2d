/**
 * The connection to Redis, made to fail fast: nothing is queued while it is down, nothing is sent twice, a frozen server is
 * given up on after 300 ms, and it reconnects behind the scenes. One client serves the states, the limits and the quota.
 */
import { Cluster, Redis } from 'ioredis'

/** A connection that owes an answer for so long is given up as well, so that calls behind the first fail at once. */
const commandTimeoutMs = 300
const connectTimeoutMs = 1000
/** How much later than another a replica may find Redis again. */
export const maxReconnectDelayMs = 150

export type RedisClient = Redis | Cluster

export interface RedisClientOptions {
  /**
   * One `redis://` or `rediss://` URL for one server; several for a cluster, or for sentinels when `sentinelMaster` is given.
   * User, password and database number count from the first; they are the data nodes', sentinels are asked without.
   */
  urls: readonly string[]
  /** One URL too is a node of a cluster, or its configuration endpoint. */
  cluster?: boolean
  sentinelMaster: string | undefined
  /** PEM. Only for `rediss://`. */
  tls: { ca?: string | undefined; cert?: string | undefined; key?: string | undefined }
  /** Called for every connection error; the client goes on trying. */
  onError: (error: Error) => void
}

/** Connects in the background. */
export function createRedisClient({
  urls,
  cluster = false,
  sentinelMaster,
  tls,
  onError,
}: RedisClientOptions): RedisClient {
  const nodes = urls.map((url) => new URL(url))
  const [{ protocol, username, password, pathname }] = nodes as [URL]
  const addresses = nodes.map(({ hostname, port }) => ({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || 6379),
  }))
  const secure = protocol === 'rediss:' ? { tls } : {}
  const options = {
    username: decodeURIComponent(username),
    password: decodeURIComponent(password),
    connectTimeout: connectTimeoutMs,
    commandTimeout: commandTimeoutMs,
    socketTimeout: commandTimeoutMs,
    disconnectTimeout: commandTimeoutMs,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    // After a failover the old master answers writes like this: find the new one.
    reconnectOnError: ({ message }: Error) => message.startsWith('READONLY'),
    ...secure,
  }
  const single = {
    ...options,
    db: Number(pathname.slice(1) || 0),
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    retryStrategy: reconnectDelayMs,
  }
  const client = createClient()
  client.on('error', onError)
  return client

  function createClient(): RedisClient {
    if (sentinelMaster !== undefined)
      return new Redis({
        ...single,
        sentinels: addresses,
        name: sentinelMaster,
        sentinelRetryStrategy: reconnectDelayMs,
        ...(secure.tls && { sentinelTLS: secure.tls, enableTLSForSentinelMode: true }),
      })
    if (cluster || addresses.length > 1)
      return new Cluster(addresses, {
        redisOptions: { ...options, lazyConnect: false },
        // By name, so that the certificates of its nodes fit.
        dnsLookup: (address, done) => done(null, address),
        enableOfflineQueue: false,
        clusterRetryStrategy: reconnectDelayMs,
        // It asks any node, one that still connects too, and then begins anew: of N nodes it takes about N rounds to be ready.
        enableReadyCheck: false,
        // Else a call for a node that is away is tried again and again for seconds; and auto-pipelining would wait for a cluster.
        retryDelayOnFailover: 0,
        retryDelayOnClusterDown: 0,
      })
    return new Redis({ ...single, ...addresses[0] })
  }
}

function reconnectDelayMs(attempt: number): number {
  return Math.min(maxReconnectDelayMs, 50 * 2 ** attempt)
}

/** What is wrong with a server that answers. */
export interface ServerFaults {
  /** It would rather drop live keys than refuse new ones, by this policy. */
  evicting?: string
  /** It is one node of a cluster, and the client does not know. */
  clusterNode?: true
}

/** @returns nothing when the server does not let us ask: it has its own keeper then */
export async function findServerFaults(client: RedisClient): Promise<ServerFaults> {
  // Nodes of a cluster that still connect answer when they can; the first answer counts.
  const servers = client instanceof Cluster ? client.nodes() : [client]
  const info = await Promise.any(servers.map((server) => server.info())).catch(() => '')
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1]
  const clusterNode = /^cluster_enabled:1\s/m.test(info) && !(client instanceof Cluster)
  return {
    ...(policy !== undefined && policy !== 'noeviction' && { evicting: policy }),
    ...(clusterNode && { clusterNode }),
  }
}
