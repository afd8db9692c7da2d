/** A map whose entries end: exactly on time by the fake clock, and with their memory given back. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createExpiringMap } from '../../src/store/expiring-map.ts'
import { createFakeClock } from '../support/clock.ts'
import { isCollected } from '../support/garbage.ts'

const ttlMs = 60_000

function setUp<V = number>() {
  const clock = createFakeClock()
  return { clock, map: createExpiringMap<V>({ ttlMs, clock }) }
}

test('gives what was set, and undefined for any other key', () => {
  const { map } = setUp<boolean>()
  map.set('a', false)
  map.set('b', true)
  assert.deepEqual(
    [map.get('a'), map.get('b'), map.get('c'), map.get('__proto__')],
    [false, true, undefined, undefined],
  )
})

/** How long after the map was made, so that an entry sits anywhere in its generation. */
for (const setAtMs of [0, 1, ttlMs / 2, ttlMs - 1, ttlMs, ttlMs + 1, 1.5 * ttlMs, 2 * ttlMs, 7 * ttlMs - 1])
  test(`keeps an entry set after ${setAtMs} ms to the last millisecond, and not one longer`, () => {
    const { clock, map } = setUp()
    clock.advance(setAtMs)
    map.set('a', 1)
    clock.advance(ttlMs - 1)
    assert.equal(map.get('a'), 1)
    clock.advance(1)
    assert.equal(map.get('a'), undefined)
  })

test('keeps an entry to its last millisecond while others come and the map drops what has ended', () => {
  const { clock, map } = setUp()
  const stepMs = ttlMs / 8
  for (let n = 0; n < 100; n++) {
    map.set(`key-${n}`, n)
    clock.advance(stepMs)
    map.dropExpired()
    const live = Array.from({ length: n + 1 }, (_, key) => map.get(`key-${key}`)).filter(
      (n) => n !== undefined,
    )
    assert.deepEqual(
      live,
      [n - 6, n - 5, n - 4, n - 3, n - 2, n - 1, n].filter((key) => key >= 0),
    )
  }
})

test('gives an entry its full time again when it is set again', () => {
  const { clock, map } = setUp()
  map.set('a', 1)
  clock.advance(ttlMs - 1)
  map.set('a', 2)
  clock.advance(ttlMs - 1)
  assert.equal(map.get('a'), 2)
  clock.advance(1)
  assert.equal(map.get('a'), undefined)
})

test('takes no notice of a jump of the wall clock', () => {
  const { clock, map } = setUp()
  map.set('a', 1)
  clock.jumpWall(100 * ttlMs)
  map.dropExpired()
  assert.equal(map.get('a'), 1)
  clock.jumpWall(-200 * ttlMs)
  clock.advance(ttlMs)
  assert.equal(map.get('a'), undefined)
})

for (const [title, giveBack] of [
  ['dropExpired', (map: ReturnType<typeof createExpiringMap<object>>) => map.dropExpired()],
  ['set', (map: ReturnType<typeof createExpiringMap<object>>) => map.set('other', {})],
] as const) {
  test(`${title} gives the memory back two TTLs after the last entry`, async () => {
    const { clock, map } = setUp<object>()
    const value = new WeakRef({})
    map.set('a', value.deref() ?? assert.fail('collected too early'))
    clock.advance(2 * ttlMs)
    giveBack(map)
    assert.ok(await isCollected(value))
    assert.equal(map.get('a'), undefined)
  })

  test(`${title} gives the memory back in two steps of one TTL each, and not before`, async () => {
    const { clock, map } = setUp<object>()
    const value = new WeakRef({})
    map.set('a', value.deref() ?? assert.fail('collected too early'))
    clock.advance(ttlMs - 1)
    giveBack(map)
    assert.equal(await isCollected(value), false)
    for (let step = 0; step < 2; step++) {
      clock.advance(ttlMs)
      giveBack(map)
    }
    assert.ok(await isCollected(value))
    assert.equal(map.get('a'), undefined)
  })
}
