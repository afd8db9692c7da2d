/** The Redis store on a cluster of three masters: the contract, and what happens when nodes are away. */
import { t as file, test } from 'tap'
import { mintState } from '../../src/core/state.ts'
import { createRedisStore } from '../../src/store/redis.ts'
import { rejectsWith } from '../support/failure.ts'
import { findFreePort } from '../support/free-port.ts'
import { openRedisClient, openRedisStore, settledAfterMs, untilItWorks } from '../support/redis-clients.ts'
import { startRedisCluster } from '../support/redis-cluster.ts'
import { passTime } from '../support/redis-contents.ts'
import { redisMissing } from '../support/redis-server.ts'
import { pendingVerification, stateStoreContract } from '../support/state-store-contract.ts'
import { systemClock } from '../support/system-clock.ts'

const patienceMs = 450

if (redisMissing) test('the Redis store on a cluster', { skip: redisMissing }, async () => {})
else await defineTests()

async function defineTests(): Promise<void> {
  const cluster = await startRedisCluster(file)

  stateStoreContract('Redis store on a cluster', async (limits) => {
    for (const { command } of cluster.nodes) await command('FLUSHALL')
    const closers: (() => unknown)[] = []
    const { store } = await openRedisStore(
      { teardown: (close) => void closers.push(close) },
      cluster.urls,
      limits,
    )
    return {
      store,
      async advance(ms) {
        for (const node of cluster.nodes) await passTime(node, ms)
      },
      expirySlackMs: 2000,
      async close() {
        for (const close of closers) await close()
      },
    }
  })

  test('verifications and lists are spread over the nodes', async (t) => {
    for (const { command } of cluster.nodes) await command('FLUSHALL')
    const { store } = await openRedisStore(t, cluster.urls)
    for (let n = 0; n < 60; n++) await store.put(`subject-${n}`, mintState(), pendingVerification(n))
    for (const { command } of cluster.nodes)
      for (const kind of ['state', 'states']) {
        const keys = (await command('KEYS', `nebff:${kind}:*`)) as string[]
        t.ok(keys.length > 5 && keys.length < 40, `${keys.length} of 60`)
      }
  })

  test('a cluster is there as soon as one of its nodes is, from one URL of it too', async (t) => {
    for (const urls of [cluster.urls.slice(0, 1), cluster.urls])
      for (let n = 0; n < 10; n++) {
        const { client } = openRedisClient(t, urls, { cluster: true })
        const ms = await untilItWorks(
          () => Promise.any(['a', 'b', 'c', 'd'].map((key) => client.del(key))),
          2000,
        )
        t.ok(ms < patienceMs, `${ms} ms`)
      }
  })

  test('a cluster that cannot be reached fails every call at once', async (t) => {
    const urls = [`redis://127.0.0.1:${await findFreePort()}`, `redis://127.0.0.1:${await findFreePort()}`]
    const { client } = openRedisClient(t, urls)
    const store = createRedisStore({
      client,
      ttlSeconds: 300,
      finishTimeoutMs: 10_000,
      maxPerCaller: 5,
      digest: (text) => text,
      clock: systemClock,
    })
    for (let n = 0; n < 5; n++) {
      const ms = await settledAfterMs(
        rejectsWith(t, store.put('alice', mintState(), pendingVerification()), 'store_unavailable'),
      )
      t.ok(ms < patienceMs, `${ms} ms`)
    }
  })

  test('a frozen node fails its callers within 450 ms, and the others go on', async (t) => {
    const { store } = await openRedisStore(t, cluster.urls)
    const subjects = Array.from({ length: 30 }, (_, n) => `subject-${n}`)
    const putAll = () =>
      Promise.all(
        subjects.map(async (subject) => {
          const startedAtMs = performance.now()
          const put = store.put(subject, mintState(), pendingVerification())
          const error = await put.catch((reason: unknown) => reason)
          return { failed: error !== undefined, ms: performance.now() - startedAtMs }
        }),
      )
    t.ok((await putAll()).every(({ failed }) => !failed))
    const [frozen] = cluster.nodes
    frozen?.freeze()
    t.teardown(() => frozen?.thaw())
    for (let round = 0; round < 5; round++) {
      const puts = await putAll()
      const failed = puts.filter((put) => put.failed).length
      t.ok(failed > 0 && failed < subjects.length, `${failed} of ${subjects.length} failed`)
      const slowest = Math.max(...puts.map(({ ms }) => ms))
      t.ok(slowest < patienceMs, `${slowest} ms`)
    }
    frozen?.thaw()
    const tookMs = await untilItWorks(async () => {
      if ((await putAll()).some(({ failed }) => failed)) throw new Error('not all yet')
    }, 2000)
    t.ok(tookMs < 2000, `${tookMs} ms`)
  })
}
