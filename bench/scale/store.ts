/** One size of the memory store, run by ../scale.ts: `node --expose-gc store.ts <states> <states per caller>`. Prints JSON. */
import { hash, randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { scope } from '../harness/stub.ts'

const ttlSeconds = 300
/** Between two turns of the loop; a few dozen microseconds of work, so that what takes longer is a pause. */
const perTurn = 16

export interface StoreFigures {
  states: number
  perCaller: number
  bytesPerState: number
  putUs: number
  putBlockMs: number
  takeBlockMs: number
  expireBlockMs: number
}

const [states = 0, perCaller = 0] = process.argv.slice(2).map(Number)
let nowMs = 0
const clock = { monotonicMs: () => nowMs, wallMs: () => nowMs }
const newStore = () =>
  createMemoryStore({ ttlSeconds, maxEntries: 10_000_000, maxPerCaller: Math.max(5, perCaller), clock })
/** Made when needed, so that no list of names is counted as the store's memory. The same index gives the same names. */
const subject = (index: number) => `user-${String(Math.floor(index / perCaller)).padStart(8, '0')}`
const stateOf = (index: number) => hash('sha256', seed + index, 'base64url')
const seed = randomBytes(24).toString('base64url')

function pending(index: number) {
  const phoneNumber = parsePhoneNumber(`+990${10_000_000 + index}`)
  if (!phoneNumber) throw new Error('not a number')
  return { phoneNumber, scope }
}

/** The longest turn of the loop while `step` runs for each index, and the mean time of a step. */
async function turns(
  step: (index: number) => Promise<unknown>,
): Promise<{ blockMs: number; stepUs: number }> {
  let blockMs = 0
  let totalMs = 0
  for (let index = 0; index < states; ) {
    const startedAt = performance.now()
    for (const end = index + perTurn; index < end; index++) await step(index)
    const ms = performance.now() - startedAt
    totalMs += ms
    blockMs = Math.max(blockMs, ms)
    await setImmediate()
  }
  return { blockMs, stepUs: (totalMs / states) * 1000 }
}

/** Spread over most of one TTL, as load is. */
async function putAll(store: ReturnType<typeof newStore>) {
  return turns((index) => {
    nowMs += (ttlSeconds * 1000 * 0.9) / states
    return store.put(subject(index), stateOf(index), pending(index))
  })
}

function heapUsed(): number {
  for (let times = 0; times < 4; times++) globalThis.gc?.()
  return process.memoryUsage().heapUsed
}

async function measureOnce() {
  const before = heapUsed()
  const store = newStore()
  const put = await putAll(store)
  const bytesPerState = (heapUsed() - before) / states
  let missed = 0
  const take = await turns(async (index) => {
    if (!(await store.take(subject(index), stateOf(index)))) missed++
  })
  if (missed > 0) throw new Error(`${missed} states were not there`)

  // Expiry: full again, then a little traffic while all of it ends.
  await putAll(store)
  const expire = await turns(async (index) => {
    nowMs += (ttlSeconds * 1000 * 1.2) / states
    if (index % 16 === 0) await store.ping()
  })
  return { bytesPerState, put, take, expire }
}

// Once small, so that what is compiled later is not counted.
await newStore().put('user', stateOf(0), pending(0))
// A pause that only one of two runs has is the machine's.
const runs = [await measureOnce(), await measureOnce()]
const least = (pick: (run: (typeof runs)[number]) => number) => Math.min(...runs.map(pick))
const figures: StoreFigures = {
  states,
  perCaller,
  bytesPerState: Math.max(...runs.map((run) => run.bytesPerState)),
  putUs: least(({ put }) => put.stepUs),
  putBlockMs: least(({ put }) => put.blockMs),
  takeBlockMs: least(({ take }) => take.blockMs),
  expireBlockMs: least(({ expire }) => expire.blockMs),
}
process.stdout.write(JSON.stringify(figures))
