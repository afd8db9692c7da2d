/** Containers that are dropped whole, by a fake clock. */
import { test } from 'tap'
import { createGenerations } from '../../src/store/generations.ts'
import { createFakeClock } from '../support/clock.ts'

const ttlMs = 16_000

function setUp() {
  const clock = createFakeClock()
  const ended: string[][] = []
  const generations = createGenerations<string[]>({
    ttlMs,
    clock,
    create: () => [],
    onEnd: (container) => void ended.push(container),
  })
  return { clock, generations, ended }
}

test('what begins within a sixteenth of the time shares a container', async (t) => {
  const { clock, generations } = setUp()
  const first = generations.newest()
  clock.advance(999)
  t.equal(generations.newest(), first)
  clock.advance(1)
  t.not(generations.newest(), first)
  t.equal([...generations.live()][0], first)
})

for (const look of ['live', 'newest'] as const)
  test(`a container ends when its last possible entry has, seen by ${look}`, async (t) => {
    const { clock, generations, ended } = setUp()
    generations.newest().push('a')
    clock.advance(ttlMs + 999)
    generations[look]()
    t.strictSame(ended, [])
    clock.advance(1)
    generations[look]()
    t.strictSame(ended, [['a']])
    t.ok(![...generations.live()].some((container) => container.includes('a')))
  })

test('there are never more than seventeen containers, and each ends once', async (t) => {
  const { clock, generations, ended } = setUp()
  for (let n = 0; n < 1000; n++) {
    generations.newest().push(String(n))
    t.ok([...generations.live()].length <= 17)
    clock.advance(100)
  }
  clock.advance(2 * ttlMs)
  t.strictSame([...generations.live()], [])
  t.strictSame(
    ended.flat(),
    Array.from({ length: 1000 }, (_, n) => String(n)),
  )
})

test('what ends is dropped, also when nobody wants to hear of it', async (t) => {
  const clock = createFakeClock()
  const generations = createGenerations<string[]>({ ttlMs, clock, create: () => [] })
  generations.newest()
  clock.advance(2 * ttlMs)
  t.strictSame([...generations.live()], [])
})
