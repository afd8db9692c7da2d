/** The Redis store against a private server, run by ../scale.ts. Prints JSON. */
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { mintState } from '../../src/core/state.ts'
import { createRedisStore } from '../../src/store/redis.ts'
import { createRedisClient } from '../../src/store/redis-client.ts'
import { startRedis } from '../../test/support/redis-server.ts'
import { scope } from '../harness/stub.ts'

export type RedisFigures = { parallel: number; perSecond: number; cpuUs: number }[]

const pairs = 40_000

const closing: (() => unknown)[] = []
const server = await startRedis({ teardown: (close) => void closing.push(close) })
// This process has the server's core; Redis gets the other one.
spawnSync('sh', [
  '-c',
  `taskset -a -p -c 1 $(redis-cli -p ${server.port} info server | tr -d '\\r' | sed -n 's/^process_id://p')`,
])
const client = createRedisClient({
  urls: [server.url],
  sentinelMaster: undefined,
  tls: {},
  onError: console.error,
})
await once(client, 'ready')
const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }
const limits = { ttlSeconds: 300, finishTimeoutMs: 10_000, maxPerCaller: 5 }
const store = createRedisStore({ client, ...limits, digest: (text) => text, clock })
const phoneNumber = parsePhoneNumber('+99012345678')
if (!phoneNumber) throw new Error('not a number')
const pending = { phoneNumber, scope }

async function run(parallel: number, count: number) {
  let left = count
  const worker = async (name: number) => {
    while (left-- > 0) {
      const state = mintState()
      await store.put(`user-${name}`, state, pending)
      if (!(await store.take(`user-${name}`, state))) throw new Error('a state is missing')
    }
  }
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await Promise.all(Array.from({ length: parallel }, (_, name) => worker(name)))
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  return { parallel, perSecond: count / seconds, cpuUs: (user + system) / count }
}

await run(64, pairs / 4)
const figures: RedisFigures = []
for (const parallel of [1, 16, 64, 256]) figures.push(await run(parallel, parallel === 1 ? pairs / 8 : pairs))
client.disconnect()
for (const close of closing) await close()
process.stdout.write(JSON.stringify(figures))
