/** The process as it runs in production, while anonymous clients reset their connections on every path at every moment. */

import { readdirSync } from 'node:fs'
import { test } from 'tap'
import { startMain } from '../support/main-process.ts'
import { confirm } from '../support/must.ts'
import { callWhenCalm } from '../support/raw-http.ts'
import { stormWithResets } from '../support/reset-storm.ts'
import { goodStart, openUpstream, settingsFor, unlimited } from '../support/upstream.ts'

test('3,000 connections that are reset within 5 ms end nothing, keep no file open and disturb nobody', async (t) => {
  const upstream = await openUpstream(t)
  const { child, exited, logged, stderr } = startMain(t, { settings: settingsFor(upstream, unlimited) })
  const { url, management_url: managementUrl } = (await logged('listening')) as Record<string, string>
  confirm(t, url && managementUrl)
  const start = goodStart(upstream)
  // The documents, made when they are first asked for, open files of their own.
  t.equal((await callWhenCalm(managementUrl, { target: '/docs' })).status, 200)
  t.equal((await callWhenCalm(url, start)).status, 200)
  const openFiles = () => readdirSync(`/proc/${child.pid}/fd`).length
  const before = openFiles()

  let storming = true
  const statuses: number[] = []
  const goodTraffic = async () => {
    while (storming) statuses.push((await callWhenCalm(url, start)).status)
  }
  const good = goodTraffic()
  const made = await stormWithResets([url, managementUrl], 3000, start)
  storming = false
  await good

  t.equal(made, 3000)
  t.ok(statuses.length > 0)
  t.strictSame(new Set(statuses), new Set([200]))
  // Connections to the operator are kept, and reset ones are closed when Node next looks.
  while (openFiles() > before + 20) await callWhenCalm(url, { target: '/livez' })
  child.kill('SIGTERM')
  t.equal(await exited, 0)
  t.strictSame(stderr, [])
})
