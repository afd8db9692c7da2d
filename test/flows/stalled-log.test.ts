/** Nobody reads the log: requests are answered as ever, and every line is either read later or counted. */

import { type Test, test } from 'tap'
import { listeningSettings } from '../support/environment.ts'
import { startMain } from '../support/main-process.ts'
import { countsOf } from '../support/metrics.ts'
import { confirm } from '../support/must.ts'
import { call } from '../support/raw-http.ts'

/** Longer than what a pipe or a socket holds and what may wait in the process. */
const enoughRequests = 6000
const longId = 'x'.repeat(64)

/** Each a line of the log. */
async function flood(t: Test, url: string, requests: number): Promise<void> {
  const headers = { 'x-request-id': longId }
  let left = requests
  async function client(): Promise<void> {
    while (left-- > 0) t.equal((await call(url, { target: '/nowhere', headers })).status, 404)
  }
  await Promise.all(Array.from({ length: 20 }, client))
}

const droppedAt = async (managementUrl: string) =>
  (await countsOf(managementUrl)).get('nebff_log_lines_dropped_total') ?? 0

test('lines that wait too long are dropped and counted exactly, and one line tells it when the log is read again', {
  timeout: 60_000,
}, async (t) => {
  const { child, exited, logged, stdout } = startMain(t, { settings: listeningSettings() })
  const { url, management_url: managementUrl } = (await logged('listening')) as Record<string, string>
  confirm(t, child.stdout && url && managementUrl)
  child.stdout.pause()
  await flood(t, url, enoughRequests)
  t.equal((await call(url, { target: '/livez' })).status, 200)
  const dropped = await droppedAt(managementUrl)
  confirm(t, dropped > 0)

  child.stdout.resume()
  t.equal((await logged('log lines were dropped')).dropped, dropped)
  const requests = () => stdout.filter((line) => line.includes('"route":"none"')).length
  t.equal(requests(), enoughRequests - dropped)
  await flood(t, url, 10)
  child.kill('SIGTERM')
  t.equal(await exited, 0)
  t.equal(requests(), enoughRequests - dropped + 10)
  t.equal(stdout.filter((line) => line.includes('log lines were dropped')).length, 1)
})

test('a process whose log nobody reads ends all the same', { timeout: 60_000 }, async (t) => {
  const { child, exited, logged } = startMain(t, { settings: listeningSettings() })
  const { url } = await logged('listening')
  child.stdout?.pause()
  await flood(t, String(url), 3000)
  child.kill('SIGTERM')
  const [code] = await new Promise<unknown[]>((resolve) =>
    child.once('exit', (...outcome) => resolve(outcome)),
  )
  t.equal(code, 0)
  child.stdout?.resume()
  await exited
})

test('a terminal that stands still stops nothing either', { timeout: 60_000 }, async (t) => {
  const { child, logged } = startMain(t, { settings: listeningSettings(), terminal: true })
  const { url, management_url: managementUrl } = (await logged('listening')) as Record<string, string>
  confirm(t, child.stdout && url && managementUrl)
  child.stdout.pause()
  await flood(t, url, enoughRequests)
  t.ok((await droppedAt(managementUrl)) > 0)
  child.stdout.resume()
})
