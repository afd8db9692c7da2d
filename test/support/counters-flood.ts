/**
 * A process that floods memory counters with a million keys and says what became of it, as JSON: alone, so that its heap is
 * its own and promises cost what they cost outside of a test. Run with --expose-gc.
 */
import { setImmediate } from 'node:timers/promises'
import { createMemoryCounters } from '../../src/store/memory-counters.ts'
import { createFakeClock } from './clock.ts'

const [minuteMs, dayMs] = [60_000, 86_400_000]
const keys = 1_000_000

export interface FloodReport {
  grownBytes: number
  /** After the windows have ended. */
  leftBytes: number
  /** Hits of a key that had 5 before the flood. */
  blockedHits: number
  /** Whether a full set took one more member. */
  blockedAdmitted: boolean
}

/** Made as a real one is, which matters for its size. */
function keyOf(n: number): string {
  const bytes = Buffer.alloc(16)
  bytes.writeUInt32BE(n)
  return bytes.toString('base64url')
}

async function usedBytes(): Promise<number> {
  // More than once, since what a collection frees may have held something else.
  for (let round = 0; round < 3; round++) {
    await setImmediate()
    globalThis.gc?.()
  }
  return process.memoryUsage().heapUsed
}

const clock = createFakeClock()
const counters = createMemoryCounters({ clock })
for (let n = 0; n < 5; n++) await counters.hit('address:blocked', minuteMs)
await counters.admit('distinct-numbers:blocked', 'a', 1, dayMs)
const before = await usedBytes()
for (let n = 0; n < keys; n++) {
  const key = keyOf(n)
  await counters.hit(`address:${key}`, minuteMs)
  await counters.admit(`distinct-numbers:${key}`, key, 3, dayMs)
}
const grownBytes = (await usedBytes()) - before
const { hits: blockedHits } = await counters.hit('address:blocked', minuteMs)
const { admitted: blockedAdmitted } = await counters.admit('distinct-numbers:blocked', 'b', 1, dayMs)
clock.advance(dayMs)
await counters.hit('address:one', minuteMs)
await counters.admit('distinct-numbers:one', 'a', 3, dayMs)
const leftBytes = (await usedBytes()) - before
await counters.hit('address:one', minuteMs) // The counters themselves must outlive the measurement.
const report: FloodReport = { grownBytes, leftBytes, blockedHits, blockedAdmitted }
process.stdout.write(JSON.stringify(report))
