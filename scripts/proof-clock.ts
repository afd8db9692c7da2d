/**
 * The service as it runs in production, its wall clock moved for real by Debian's `faketime` while verifications go on; the monotonic
 * clock stays, as on a machine that slept. Run by `npm run proof:clock`.
 */

import { globSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { jumps, openClockWorld, proveJumps } from '../test/support/clock-jumps.ts'
import { startMain } from '../test/support/main-process.ts'

const [library] = globSync('/usr/lib/*/faketime/libfaketimeMT.so.1')
const atOnce = 20

test('no finish is lost', {
  skip: library === undefined && 'needs faketime (apt-get install faketime)',
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'clock-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'faketime')
  let offsetMs = 0
  /** In one step, so that no half of a number is ever read. */
  function jump(ms: number): void {
    offsetMs += ms
    writeFileSync(`${file}.new`, `${offsetMs < 0 ? '-' : '+'}${Math.abs(offsetMs) / 1000}\n`)
    renameSync(`${file}.new`, file)
  }
  jump(0)

  const world = await openClockWorld(t)
  const main = startMain(t, {
    settings: {
      ...world.settings,
      LOG_LEVEL: 'info',
      LD_PRELOAD: library,
      FAKETIME_TIMESTAMP_FILE: file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
    },
  })
  await main.logged('listening')
  const { finishes, lost } = await proveJumps(world, atOnce, jump)
  const days = main.stdout.map((line) => String(JSON.parse(line).time).slice(0, 10))
  t.comment(
    `${finishes} finishes around ${Object.keys(jumps).length} jumps (${Object.keys(jumps).join(', ')}): ${lost} lost`,
  )
  t.ok(new Set(days).size > 1, 'the clock of the service did move')
  t.equal(lost, 0)
})
