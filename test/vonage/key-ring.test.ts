/** The private keys: which one signs, when another is tried, and when it stays. Every signature is verified. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { KeyName } from '../../src/vonage/key-ring.ts'
import { createFakeClock } from '../support/clock.ts'
import { createTestKeyRing, isSignedBy } from '../support/key-ring.ts'
import { createRsaKeys } from '../support/keys.ts'

const cooldownMs = 10_000
const keys = { a: createRsaKeys(), b: createRsaKeys(), c: createRsaKeys() }
type Letter = keyof typeof keys

/** @param letters the primary key and, maybe, the next one; Vonage accepts the first until told otherwise */
function setUp(letters: 'a' | 'ab') {
  const clock = createFakeClock()
  const changes: KeyName[] = []
  const next = letters === 'ab' ? keys.b.privateKey : undefined
  const ring = createTestKeyRing({ primary: keys.a.privateKey, next, clock, changes })
  let accepted: Letter | undefined = 'a'

  async function signer(jwt: string | undefined): Promise<Letter | undefined> {
    for (const letter of Object.keys(keys) as Letter[])
      if (await isSignedBy(jwt, keys[letter].publicKey, clock.wallMs())) return letter
    return undefined
  }

  /** One call to Vonage. @returns the keys that it was tried with, a capital for the one that was accepted */
  async function call(): Promise<string> {
    let tried = ''
    let jwt: string | undefined = await ring.current()
    while (jwt !== undefined && tried.length < 2) {
      const letter = await signer(jwt)
      assert.ok(letter)
      if (letter === accepted) {
        ring.accepted(jwt)
        return tried + letter.toUpperCase()
      }
      tried += letter
      jwt = await ring.replace(jwt)
    }
    return tried
  }

  const accept = (letter: Letter | undefined) => {
    accepted = letter
  }
  return { clock, ring, changes, signer, call, accept }
}

test('the primary key signs, as long as Vonage accepts it', async () => {
  const { call, clock, changes } = setUp('ab')
  for (let minutes = 0; minutes < 60; minutes += 5) {
    assert.equal(await call(), 'A')
    clock.advance(5 * 60_000)
  }
  assert.deepEqual(changes, [])
})

test('once the primary key is refused, the next one is tried, and signs from then on', async () => {
  const { call, accept, changes, clock } = setUp('ab')
  await call()
  accept('b')
  assert.equal(await call(), 'aB')
  assert.deepEqual(changes, ['next'])
  clock.advance(20 * 60_000)
  for (let n = 0; n < 3; n++) assert.equal(await call(), 'B')
  assert.deepEqual(changes, ['next'])
})

test('a change back is found as well, without waiting', async () => {
  const { call, accept, changes } = setUp('ab')
  accept('b')
  await call()
  accept('a')
  assert.equal(await call(), 'bA')
  assert.equal(await call(), 'A')
  assert.deepEqual(changes, ['next', 'primary'])
})

test('while Vonage refuses every key, one call in ten seconds is tried with the other, and nothing changes', async () => {
  const { call, accept, clock, changes } = setUp('ab')
  await call()
  accept(undefined)
  assert.deepEqual([await call(), await call(), await call()], ['ab', 'a', 'a'])
  clock.advance(cooldownMs - 1)
  assert.equal(await call(), 'a')
  clock.advance(1)
  assert.deepEqual([await call(), await call()], ['ab', 'aa'], 'the old JWT itself may be at fault too')
  accept('a')
  assert.equal(await call(), 'A', 'at once, when Vonage recovers')
  assert.deepEqual(changes, [])
})

test('1,000 parallel refusals of each key cost one signature of each', async () => {
  const { ring, clock, signer, changes } = setUp('ab')
  const old = await ring.current()
  clock.advance(60_000)
  const first = new Set(await Promise.all(Array.from({ length: 1000 }, () => ring.replace(old))))
  assert.equal(first.size, 1)
  const [onTrial = ''] = first
  assert.equal(await signer(onTrial), 'b')
  const second = new Set(await Promise.all(Array.from({ length: 1000 }, () => ring.replace(onTrial))))
  assert.deepEqual(second, new Set([old]))
  const third = new Set(await Promise.all(Array.from({ length: 1000 }, () => ring.replace(old))))
  assert.equal(third.size, 1, 'signed anew, since the trial was in vain')
  assert.equal(await signer([...third][0]), 'a')
  assert.deepEqual(changes, [])
})

test('a refusal that nobody follows up leaves the other key on trial for the next call', async () => {
  const { ring, call, accept, changes } = setUp('ab')
  accept('b')
  await ring.replace(await ring.current())
  assert.equal(await call(), 'B')
  assert.deepEqual(changes, ['next'])
})

test('a late answer to a JWT of another key decides nothing', async () => {
  const { ring, changes, signer } = setUp('ab')
  const old = await ring.current()
  await ring.replace(old)
  ring.accepted(old)
  assert.equal(await signer(await ring.current()), 'b', 'still on trial')
  assert.deepEqual(changes, [])
})

test('with one key, an old JWT is signed anew and a new one is not', async () => {
  const { ring, call, accept, clock } = setUp('a')
  const old = await ring.current()
  accept(undefined)
  assert.equal(await call(), 'a')
  clock.advance(10_000)
  assert.equal(await call(), 'aa')
  assert.notEqual(await ring.current(), old)
})

test('a key that is offered is used from when the one in use is refused, and not before', async () => {
  const { ring, call, accept, changes, clock } = setUp('a')
  await call()
  ring.offer('primary', keys.c.privateKey)
  clock.advance(60 * 60_000)
  assert.equal(await call(), 'A')
  accept('c')
  assert.equal(await call(), 'aC')
  assert.deepEqual(changes, ['primary'])
  accept('a')
  assert.equal(await call(), 'cA', 'the key before is not forgotten')
})

test('a key that is offered is tried at once, although another one was refused just now', async () => {
  const { ring, call, accept } = setUp('ab')
  accept('c')
  assert.equal(await call(), 'ab')
  ring.offer('next', keys.c.privateKey)
  assert.equal(await call(), 'aC')
})

test('a key that is offered takes the place of the one of its name, also while that is on trial', async () => {
  const { ring, call, accept, clock } = setUp('ab')
  await ring.replace(await ring.current())
  ring.offer('next', keys.c.privateKey)
  accept('b')
  assert.equal(await call(), 'ac')
  clock.advance(cooldownMs)
  assert.equal(await call(), 'ac', 'b is gone')
})

test('of three keys each gets its turn', async () => {
  const { ring, call, accept, clock, changes } = setUp('ab')
  ring.offer('primary', keys.c.privateKey)
  accept('b')
  assert.equal(await call(), 'ac')
  clock.advance(cooldownMs)
  assert.equal(await call(), 'aB')
  accept('c')
  assert.equal(await call(), 'ba')
  clock.advance(cooldownMs)
  assert.equal(await call(), 'bC')
  assert.deepEqual(changes, ['next', 'primary'])
})

test('a JWT that the wall clock calls expired is signed anew by its own key, before another key is tried', async () => {
  const { ring, clock, call, signer, changes } = setUp('ab')
  assert.equal(await call(), 'A')
  const refused = await ring.current()
  clock.jumpWall(3_600_000)
  assert.equal(await signer(await ring.replace(refused)), 'a')
  assert.equal(await call(), 'A')
  assert.deepEqual(changes, [])
})
