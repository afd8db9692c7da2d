/** The Redis store over TLS, with a client certificate and a user of its own: the contract, and who is refused. */
import { t as file, test } from 'tap'
import { createRedisStore } from '../../src/store/redis.ts'
import { rejectsWith } from '../support/failure.ts'
import { openRedisClient, openRedisStore } from '../support/redis-clients.ts'
import { passTime } from '../support/redis-contents.ts'
import { startRedis } from '../support/redis-server.ts'
import { stateStoreContract } from '../support/state-store-contract.ts'
import { systemClock } from '../support/system-clock.ts'
import { createTlsFiles, redisTlsMissing } from '../support/tls-files.ts'

if (redisTlsMissing) test('the Redis store over TLS', { skip: redisTlsMissing }, async () => {})
else await defineTests()

async function defineTests(): Promise<void> {
  const owner = file
  const { read, tls, serverSettings } = createTlsFiles(owner)
  const redis = await startRedis(owner, {
    portOption: '--tls-port',
    settings: [...serverSettings, '--tls-auth-clients', 'yes'],
    client: { tls },
  })
  await redis.command(
    'ACL',
    'SETUSER',
    'bff',
    'on',
    '>a-password',
    '~nebff:*',
    '+@all',
    '-@dangerous',
    '+info',
  )
  const url = `rediss://bff:a-password@127.0.0.1:${redis.port}`

  stateStoreContract('Redis store over TLS', async (limits) => {
    await redis.command('FLUSHALL')
    const closers: (() => unknown)[] = []
    const storeOwner = { teardown: (close: () => unknown) => void closers.push(close) }
    const { store } = await openRedisStore(storeOwner, [url], { ...limits, tls })
    return {
      store,
      advance: (ms) => passTime(redis, ms),
      expirySlackMs: 2000,
      async close() {
        for (const close of closers) await close()
      },
    }
  })

  const refused = [
    ['a server whose authority is not ours is not spoken to', url, { ...tls, ca: read('other-ca.crt') }],
    ['a server whose authority nobody knows is not spoken to', url, { cert: tls.cert, key: tls.key }],
    ['a client without a certificate is refused', url, { ca: tls.ca }],
    ['plain redis:// to a TLS port fails', url.replace('rediss:', 'redis:'), tls],
  ] as const
  for (const [title, toUrl, withTls] of refused)
    test(title, async (t) => {
      const { client } = openRedisClient(t, [toUrl], { tls: withTls })
      const store = createRedisStore({
        client,
        ttlSeconds: 300,
        finishTimeoutMs: 10_000,
        maxPerCaller: 5,
        digest: (text) => text,
        clock: systemClock,
      })
      const failed = await new Promise<string>((resolve) => {
        client.once('error', () => resolve('error'))
        client.once('close', () => resolve('close'))
        client.once('ready', () => resolve('ready'))
      })
      t.not(failed, 'ready')
      await rejectsWith(t, store.ping(), 'store_unavailable')
    })
}
