/** Three Redis masters that share the slots of one cluster, on loopback. */

import { findFreePort } from './free-port.ts'
import { must } from './must.ts'
import { type Owner, type RedisServer, startRedis } from './redis-server.ts'

const slotRanges = [
  [0, 5460],
  [5461, 10_922],
  [10_923, 16_383],
] as const
const patienceMs = 10_000

export interface RedisCluster {
  nodes: RedisServer[]
  urls: string[]
}

/** Resolves when every node says that the cluster is whole, after about a second. */
export async function startRedisCluster(owner: Owner): Promise<RedisCluster> {
  const busPorts = await Promise.all(slotRanges.map(() => findFreePort()))
  const nodes = await Promise.all(
    busPorts.map((busPort) =>
      startRedis(owner, {
        settings: [
          '--cluster-enabled',
          'yes',
          '--cluster-port',
          String(busPort),
          '--cluster-node-timeout',
          '1000',
        ],
      }),
    ),
  )
  for (const [n, { command }] of nodes.entries())
    await command('CLUSTER', 'ADDSLOTSRANGE', ...(slotRanges[n] ?? []))
  const [first] = nodes
  must(first)
  for (const [n, { port }] of nodes.entries())
    if (n > 0) await first.command('CLUSTER', 'MEET', '127.0.0.1', port, busPorts[n] ?? 0)
  await whole(nodes)
  return { nodes, urls: nodes.map(({ url }) => url) }
}

async function whole(nodes: readonly RedisServer[]): Promise<void> {
  const startedAtMs = performance.now()
  for (;;) {
    const infos = await Promise.all(nodes.map(({ command }) => command('CLUSTER', 'INFO')))
    if (infos.every((info) => /cluster_state:ok/.test(String(info)) && /known_nodes:3/.test(String(info))))
      return
    must(performance.now() - startedAtMs < patienceMs, 'the cluster does not come together')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
