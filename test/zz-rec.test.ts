import { test } from 'node:test'
import { startRedis } from '/work/main/test/support/redis-server.ts'
import { openReplicas, phoneNumber } from '/work/main/test/support/replicas.ts'
test('x', async (t) => {
  const redis = await startRedis(t)
  const { replicas, tokenOf } = await openReplicas(t, { REDIS_URL: redis.url })
  const token = tokenOf('a')
  for (const how of ['freeze', 'kill']) for (let k = 0; k < 3; k++) {
    for (const r of replicas) await r.start(token, phoneNumber(1))
    how === 'kill' ? await redis.kill() : redis.freeze()
    const timer = setInterval(() => { for (const r of replicas) void r.start(token, phoneNumber(1)) }, 60)
    await new Promise(r => setTimeout(r, 2000 + k * 77))
    how === 'kill' ? await redis.start() : redis.thaw()
    const t0 = performance.now()
    const since = () => Math.round(performance.now() - t0)
    const out = await Promise.all(replicas.map(async (r) => {
      while ((await r.get('/readyz')).status !== 200) await new Promise(r => setTimeout(r, 5))
      const ready = since()
      let s; let n = 0; let begun = 0
      do { begun = since(); s = await r.start(token, phoneNumber(1)); n++; if (s.status !== 200) await new Promise(r => setTimeout(r, 5)) } while (s.status !== 200)
      return [ready, 'tries', n, 'begun', begun, 'ok', since()].join(' ')
    }))
    clearInterval(timer)
    console.log(how, out)
  }
})
