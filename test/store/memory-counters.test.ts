/** The counters of one process: the contract of counters, and their bounds under a flood of keys. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMemoryCounters } from '../../src/store/memory-counters.ts'
import { createFakeClock } from '../support/clock.ts'
import { countersContract } from '../support/counters-contract.ts'
import { createHeapGauge } from '../support/heap-gauge.ts'

const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000]
const maxGrowthBytes = 50_000_000

function setUp() {
  const clock = createFakeClock()
  return { clock, counters: createMemoryCounters({ clock }) }
}

countersContract('memory counters', async () => {
  const { clock, counters } = setUp()
  return { counters, advance: clock.advance, slackMs: 1 }
})

test('windows of another length are counted and end apart', async () => {
  const { clock, counters } = setUp()
  await counters.hit('one', minuteMs)
  await counters.hit('one', hourMs)
  clock.advance(minuteMs)
  assert.equal((await counters.hit('one', minuteMs)).hits, 1)
  assert.equal((await counters.hit('one', hourMs)).hits, 2)
})

test('the wall clock changes nothing', async () => {
  const { clock, counters } = setUp()
  await counters.hit('one', minuteMs)
  clock.jumpWall(2 * minuteMs)
  assert.deepEqual(await counters.hit('one', minuteMs), { hits: 2, resetMs: minuteMs })
})

/** Made as a real one is, which matters for its size. */
function keyOf(n: number): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt32BE(n)
  return bytes.toString('base64url')
}

async function flood(keys: number, send: (key: string) => Promise<unknown>[]): Promise<void> {
  for (let n = 0; n < keys; n++) {
    const answers = send(keyOf(n))
    if (n % 1000 === 0) await Promise.all(answers)
  }
}

test('a key that is counted stays counted under 120,000 other keys', async () => {
  const { counters } = setUp()
  for (let n = 0; n < 5; n++) await counters.hit('blocked', minuteMs)
  await counters.admit('blocked', 'a', 1, dayMs)
  await flood(120_000, (key) => [counters.hit(key, minuteMs), counters.admit(key, 'a', 1, dayMs)])
  assert.equal((await counters.hit('blocked', minuteMs)).hits, 6)
  assert.equal((await counters.admit('blocked', 'b', 1, dayMs)).admitted, false)
})

test('keys beyond 100,000 in one window share one count, until it ends', async () => {
  const { clock, counters } = setUp()
  await flood(100_000, (key) => [counters.hit(key, minuteMs)])
  for (let n = 1; n <= 10; n++) assert.equal((await counters.hit(`one-more-${n}`, minuteMs)).hits, n)
  assert.equal((await counters.hit(keyOf(5), minuteMs)).hits, 2)
  assert.equal((await counters.hit('one-more-1', hourMs)).hits, 1, 'another window has room')
  clock.advance(minuteMs)
  assert.equal((await counters.hit('one-more-1', minuteMs)).hits, 1)
})

test('sets beyond 100,000 are not kept, and the ones kept still count', async () => {
  const { counters } = setUp()
  const admitted = async (key: string, member: string) =>
    (await counters.admit(key, member, 1, dayMs)).admitted
  await flood(100_000, (key) => [counters.admit(key, 'a', 1, dayMs)])
  assert.equal(await admitted('one-more', 'a'), true)
  assert.equal(await admitted('one-more', 'b'), true, 'it was not kept')
  assert.equal(await admitted(keyOf(5), 'b'), false)
})

test('a million keys, and more sets than are kept, take less than 50 MB, and give them back', async (t) => {
  const usedBytes = createHeapGauge()
  const { clock, counters } = setUp()
  const before = await usedBytes()
  await flood(1_000_000, (key) => [counters.hit(`address:${key}`, minuteMs)])
  await flood(150_000, (key) => [counters.admit(`distinct-numbers:${key}`, key, 3, dayMs)])
  const grown = (await usedBytes()) - before
  t.diagnostic(`heap growth ${(grown / 1e6).toFixed(1)} MB`)
  assert.ok(grown > 5_000_000 && grown < maxGrowthBytes, `${grown} bytes`)
  clock.advance(dayMs)
  await counters.hit('address:one', minuteMs)
  await counters.admit('distinct-numbers:one', 'a', 3, dayMs)
  const left = (await usedBytes()) - before
  assert.ok(left < grown / 5, `${left} of ${grown} bytes are left`)
  await counters.hit('address:one', minuteMs) // The counters themselves must outlive the measurement.
})

test('a flood of one kind of keys leaves the other kinds alone', async () => {
  const counters = createMemoryCounters({ clock: createFakeClock() })
  for (let n = 0; n < 120_000; n++) await counters.hit(`address:${n}`, 60_000)
  assert.equal((await counters.hit('address:late', 60_000)).hits, 20_001)
  assert.equal((await counters.hit('caller:late', 60_000)).hits, 1)
})
