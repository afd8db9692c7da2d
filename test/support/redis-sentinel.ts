/** Sentinels that watch a Redis master, on loopback. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Owner, type RedisServer, startRedis } from './redis-server.ts'

export const sentinelMaster = 'the-master'

export interface SentinelOptions {
  /** How many sentinels must agree that the master is gone. */
  quorum?: number
  /** How long it must be silent. */
  downAfterMs?: number
}

export async function startSentinel(
  owner: Owner,
  masterPort: number,
  { quorum = 1, downAfterMs = 1000 }: SentinelOptions = {},
): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'sentinel-'))
  owner.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const file = join(directory, 'sentinel.conf')
  const lines = [
    `sentinel monitor ${sentinelMaster} 127.0.0.1 ${masterPort} ${quorum}`,
    `sentinel down-after-milliseconds ${sentinelMaster} ${downAfterMs}`,
    `sentinel failover-timeout ${sentinelMaster} 5000`,
  ]
  writeFileSync(file, `${lines.join('\n')}\n`)
  return startRedis(owner, { kind: 'sentinel', settings: [file] })
}
