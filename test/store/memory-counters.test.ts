/** The counters of one process: the contract of counters, and their bounds under a flood of keys. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { test } from 'tap'
import { createMemoryCounters } from '../../src/store/memory-counters.ts'
import { createFakeClock } from '../support/clock.ts'
import { countersContract } from '../support/counters-contract.ts'
import type { FloodReport } from '../support/counters-flood.ts'

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000]

function setUp() {
  const clock = createFakeClock()
  return { clock, counters: createMemoryCounters({ clock }) }
}

countersContract('memory counters', async () => {
  const { clock, counters } = setUp()
  return { counters, advance: clock.advance, slackMs: 1 }
})

test('windows of another length are counted and end apart', async (t) => {
  const { clock, counters } = setUp()
  await counters.hit('one', minuteMs)
  await counters.hit('one', hourMs)
  clock.advance(minuteMs)
  t.equal((await counters.hit('one', minuteMs)).hits, 1)
  t.equal((await counters.hit('one', hourMs)).hits, 2)
})

test('the wall clock changes nothing', async (t) => {
  const { clock, counters } = setUp()
  await counters.hit('one', minuteMs)
  clock.jumpWall(2 * minuteMs)
  t.strictSame(await counters.hit('one', minuteMs), { hits: 2, resetMs: minuteMs })
})

async function flood(keys: number, send: (key: string) => unknown): Promise<void> {
  for (let n = 1; n < keys; n++) void send(`key-${n}`)
  await send('key-0')
}

test('keys beyond 100,000 in one window share one count, until it ends', async (t) => {
  const { clock, counters } = setUp()
  await flood(100_000, (key) => counters.hit(key, minuteMs))
  for (let n = 1; n <= 10; n++) t.equal((await counters.hit(`one-more-${n}`, minuteMs)).hits, n)
  t.equal((await counters.hit('key-5', minuteMs)).hits, 2)
  t.equal((await counters.hit('one-more-1', hourMs)).hits, 1, 'another window has room')
  clock.advance(minuteMs)
  t.equal((await counters.hit('one-more-1', minuteMs)).hits, 1)
})

test('a flood of one kind of key leaves the other kinds alone', async (t) => {
  const { counters } = setUp()
  await flood(100_001, (key) => counters.hit(`address:${key}`, minuteMs))
  for (const kind of ['caller', 'number'])
    for (const key of [`${kind}:a`, `${kind}:b`]) t.equal((await counters.hit(key, minuteMs)).hits, 1)
  t.equal((await counters.hit('address:one-more', minuteMs)).hits, 2)
})

test('sets beyond 100,000 are not kept, and the ones kept still count', async (t) => {
  const { counters } = setUp()
  const admitted = async (key: string, member: string) =>
    (await counters.admit(key, member, 1, dayMs)).admitted
  await flood(100_000, (key) => counters.admit(key, 'a', 1, dayMs))
  t.equal(await admitted('one-more', 'a'), true)
  t.equal(await admitted('one-more', 'b'), true, 'it was not kept')
  t.equal(await admitted('key-5', 'b'), false)
})

test('under a million keys and sets, a blocked one stays blocked, and the heap grows by less than 50 MB', async (t) => {
  const file = join(import.meta.dirname, '../support/counters-flood.ts')
  const { stdout } = await promisify(execFile)(process.execPath, ['--expose-gc', file])
  const { grownBytes, leftBytes, blockedHits, blockedAdmitted } = JSON.parse(stdout) as FloodReport
  t.comment(`heap growth ${(grownBytes / 1e6).toFixed(1)} MB`)
  t.strictSame([blockedHits, blockedAdmitted], [6, false])
  t.ok(grownBytes > 5_000_000 && grownBytes < 50_000_000, `${grownBytes} bytes`)
  t.ok(leftBytes < grownBytes / 5, `${leftBytes} of ${grownBytes} bytes are left`)
})
