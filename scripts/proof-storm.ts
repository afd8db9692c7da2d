/**
 * What nobody may be able to do to the process as it runs in production: end it by resets, or stop it by not reading its log. With
 * good traffic beside, and figures; for a quiet Linux machine. Run by `npm run proof:storm`, with a longer stall by `-- --seconds 60`.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Test, test } from 'tap'
import { startMain } from '../test/support/main-process.ts'
import { countsOf } from '../test/support/metrics.ts'
import { confirm, must } from '../test/support/must.ts'
import { call, type RawRequest } from '../test/support/raw-http.ts'
import { stormWithResets } from '../test/support/reset-storm.ts'
import { goodStart, openUpstream, settingsFor, unlimited } from '../test/support/upstream.ts'
import { percentile, print } from '../test/support/upstream-proofs.ts'

const { values } = parseArgs({ options: { seconds: { type: 'string', default: '30' } } })
const seconds = Number(values.seconds)
const resets = 20_000
const goodPerSecond = 300
const tickMs = 20

async function openMain(t: Test) {
  const upstream = await openUpstream(t)
  const main = startMain(t, { settings: settingsFor(upstream, unlimited) })
  const { url, management_url: managementUrl } = (await main.logged('listening')) as Record<string, string>
  must(url && managementUrl)
  return { ...main, url, managementUrl, start: goodStart(upstream) }
}

/** Good starts and health checks at a fixed rate, whether answers come or not, until stopped. */
function beginGoodTraffic(url: string, start: RawRequest, perSecond: number) {
  const starts: number[] = []
  const health: number[] = []
  let failed = 0
  const pending: Promise<void>[] = []

  async function timed(request: RawRequest, times: number[]): Promise<void> {
    const beganMs = performance.now()
    const status = await call(url, request).then(
      (answer) => answer.status,
      () => 0,
    )
    times.push(performance.now() - beganMs)
    if (status !== 200) failed++
  }
  const timer = setInterval(() => {
    for (let n = 0; n < (perSecond * tickMs) / 1000; n++) pending.push(timed(start, starts))
    pending.push(timed({ target: '/livez' }, health))
  }, tickMs)

  return async () => {
    clearInterval(timer)
    await Promise.all(pending)
    return {
      starts: starts.length,
      failed,
      startP50Ms: percentile(starts, 0.5),
      startP99Ms: percentile(starts, 0.99),
      healthP99Ms: percentile(health, 0.99),
      healthMaxMs: percentile(health, 1),
    }
  }
}

const openFiles = (pid = 0) => readdirSync(`/proc/${pid}/fd`).length
const residentMb = (pid = 0) =>
  Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024)

test(`${resets} connections that are reset within 5 ms, on both listeners`, async (t) => {
  const { child, exited, url, managementUrl, start } = await openMain(t)
  t.equal((await call(managementUrl, { target: '/docs' })).status, 200)
  t.equal((await call(url, start)).status, 200)
  const filesBefore = openFiles(child.pid)
  const endGoodTraffic = beginGoodTraffic(url, start, 50)
  const beganMs = performance.now()
  const made = await stormWithResets([url, managementUrl], resets, start)
  const stormSeconds = (performance.now() - beganMs) / 1000
  const good = await endGoodTraffic()
  await wait(2000)
  const filesAfter = openFiles(child.pid)
  t.comment(print({ made, stormSeconds, filesBefore, filesAfter, ...good }))
  t.equal(made, resets)
  t.equal(good.failed, 0)
  t.ok(filesAfter <= filesBefore + 5)
  child.kill('SIGTERM')
  t.equal(await exited, 0)
})

test(`a log that nobody reads for ${seconds} s under ${goodPerSecond} requests a second`, async (t) => {
  const { child, exited, logged, stdout, url, managementUrl, start } = await openMain(t)
  confirm(t, child.stdout)
  const measure = async () => {
    const end = beginGoodTraffic(url, start, goodPerSecond)
    await wait(seconds * 1000)
    return end()
  }
  const warmUp = await measure()
  const quiet = await measure()
  const quietMb = residentMb(child.pid)
  child.stdout.pause()
  const stalled = await measure()
  const stalledMb = residentMb(child.pid)
  const dropped = (await countsOf(managementUrl)).get('nebff_log_lines_dropped_total') ?? 0
  child.stdout.resume()
  const told = (await logged('log lines were dropped')).dropped
  child.kill('SIGTERM')
  t.equal(await exited, 0)
  const written = stdout.filter((line) => line.includes('"msg":"request"')).length
  t.comment(`read: ${print(quiet)}`)
  t.comment(`not read: ${print(stalled)}`)
  t.comment(print({ quietMb, stalledMb, dropped, written }))
  t.ok(dropped > 0)
  t.equal(told, dropped)
  t.equal(written + dropped, warmUp.starts + quiet.starts + stalled.starts)
  t.equal(quiet.failed + stalled.failed, 0)
  t.ok(stalled.startP99Ms < 2 * quiet.startP99Ms)
  t.ok(stalled.healthMaxMs < 100)
  t.ok(stalledMb < quietMb + 32)
})
