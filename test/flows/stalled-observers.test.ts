/** Who looks on cannot hold up what it looks at: a collector of traces that hangs, and scrapers that read nothing. The log has its own test. */

import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { listeningSettings } from '../support/environment.ts'
import { startMain } from '../support/main-process.ts'
import { countsOf } from '../support/metrics.ts'
import { confirm } from '../support/must.ts'
import { call } from '../support/raw-http.ts'
import { startRawServer } from '../support/raw-server.ts'
import { callbackPath } from '../support/service.ts'
import { unlimited } from '../support/upstream.ts'

async function openMain(t: Test, settings: Record<string, string> = {}) {
  const main = startMain(t, { settings: listeningSettings({ ...unlimited, ...settings }) })
  const { url, management_url: managementUrl } = (await main.logged('listening')) as Record<string, string>
  confirm(t, url && managementUrl && main.child.pid)
  const { pid } = main.child
  const residentMb = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]) / 1024
  return { ...main, url, managementUrl, residentMb, openFiles: () => readdirSync(`/proc/${pid}/fd`).length }
}

for (const [kind, stall] of [
  ['never answers', false],
  ['reads nothing', true],
] as const)
  test(`a collector that ${kind} costs traces and nothing else`, { timeout: 60_000 }, async (t) => {
    const collector = await startRawServer(t, { onConnection: (socket) => void (stall && socket.pause()) })
    const { child, exited, url, residentMb } = await openMain(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${collector.port}`,
    })
    const statuses = new Set<number>()
    const ask = async () => statuses.add((await call(url, { target: `${callbackPath}?error=x` })).status)
    const askAll = async (times: number) => {
      for (let n = 0; n < times; n += 10) await Promise.all(Array.from({ length: 10 }, ask))
    }
    await askAll(1000)
    const before = residentMb()
    // More than may wait for the collector.
    await askAll(4000)
    t.equal((await call(url, { target: '/livez' })).status, 200)
    t.strictSame([...statuses], [400])
    t.ok(collector.connections.length > 0)
    confirm(t, residentMb() < before + 128)
    const endingMs = performance.now()
    child.kill('SIGTERM')
    t.equal(await exited, 0)
    t.ok(performance.now() - endingMs < 8000)
  })

test('scrapers that read nothing are no burden, and gone when they go', { timeout: 60_000 }, async (t) => {
  const { url, managementUrl, residentMb, openFiles } = await openMain(t)
  await countsOf(managementUrl)
  const before = { files: openFiles(), residentMb: residentMb() }
  const scrapers = Array.from({ length: 200 }, () =>
    connect(Number(new URL(managementUrl).port), '127.0.0.1').on('error', () => undefined),
  )
  t.teardown(() => scrapers.forEach((scraper) => void scraper.destroy()))
  await Promise.all(scrapers.map((scraper) => once(scraper, 'connect')))
  for (const scraper of scrapers) scraper.pause().write('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(10))
  t.equal((await call(url, { target: '/livez' })).status, 200)
  t.ok((await countsOf(managementUrl)).size > 0)
  t.ok(residentMb() < before.residentMb + 128)
  for (const scraper of scrapers) scraper.destroy()
  while (openFiles() > before.files + 5) await call(url, { target: '/livez' })
})
