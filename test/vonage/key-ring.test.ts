/** The private keys: which one signs, when another is tried, and when it stays. Every signature is verified. */

import { type Test, test } from 'tap'
import type { KeyName } from '../../src/vonage/key-ring.ts'
import { createFakeClock } from '../support/clock.ts'
import { createTestKeyRing, isSignedBy } from '../support/key-ring.ts'
import { createRsaKeys } from '../support/keys.ts'
import { confirm } from '../support/must.ts'

const cooldownMs = 10_000
const keys = { a: createRsaKeys(), b: createRsaKeys(), c: createRsaKeys() }
type Letter = keyof typeof keys

/** @param letters the primary key and, maybe, the next one; Vonage accepts the first until told otherwise */
function setUp(t: Test, letters: 'a' | 'ab') {
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
      confirm(t, letter)
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

test('the primary key signs, as long as Vonage accepts it', async (t) => {
  const { call, clock, changes } = setUp(t, 'ab')
  for (let minutes = 0; minutes < 60; minutes += 5) {
    t.equal(await call(), 'A')
    clock.advance(5 * 60_000)
  }
  t.strictSame(changes, [])
})

test('once the primary key is refused, the next one is tried, and signs from then on', async (t) => {
  const { call, accept, changes, clock } = setUp(t, 'ab')
  await call()
  accept('b')
  t.equal(await call(), 'aB')
  t.strictSame(changes, ['next'])
  clock.advance(20 * 60_000)
  for (let n = 0; n < 3; n++) t.equal(await call(), 'B')
  t.strictSame(changes, ['next'])
})

test('a change back is found as well, without waiting', async (t) => {
  const { call, accept, changes } = setUp(t, 'ab')
  accept('b')
  await call()
  accept('a')
  t.equal(await call(), 'bA')
  t.equal(await call(), 'A')
  t.strictSame(changes, ['next', 'primary'])
})

test('while Vonage refuses every key, one call in ten seconds is tried with the other, and nothing changes', async (t) => {
  const { call, accept, clock, changes } = setUp(t, 'ab')
  await call()
  accept(undefined)
  t.strictSame([await call(), await call(), await call()], ['ab', 'a', 'a'])
  clock.advance(cooldownMs - 1)
  t.equal(await call(), 'a')
  clock.advance(1)
  t.strictSame([await call(), await call()], ['ab', 'aa'], 'the old JWT itself may be at fault too')
  accept('a')
  t.equal(await call(), 'A', 'at once, when Vonage recovers')
  t.strictSame(changes, [])
})

test('1,000 parallel refusals of each key cost one signature of each', async (t) => {
  const { ring, clock, signer, changes } = setUp(t, 'ab')
  const old = await ring.current()
  clock.advance(60_000)
  const first = new Set(await Promise.all(Array.from({ length: 1000 }, () => ring.replace(old))))
  t.equal(first.size, 1)
  const [onTrial = ''] = first
  t.equal(await signer(onTrial), 'b')
  const second = new Set(await Promise.all(Array.from({ length: 1000 }, () => ring.replace(onTrial))))
  t.strictSame(second, new Set([old]))
  const third = new Set(await Promise.all(Array.from({ length: 1000 }, () => ring.replace(old))))
  t.equal(third.size, 1, 'signed anew, since the trial was in vain')
  t.equal(await signer([...third][0]), 'a')
  t.strictSame(changes, [])
})

test('a refusal that nobody follows up leaves the other key on trial for the next call', async (t) => {
  const { ring, call, accept, changes } = setUp(t, 'ab')
  accept('b')
  await ring.replace(await ring.current())
  t.equal(await call(), 'B')
  t.strictSame(changes, ['next'])
})

test('a late answer to a JWT of another key decides nothing', async (t) => {
  const { ring, changes, signer } = setUp(t, 'ab')
  const old = await ring.current()
  await ring.replace(old)
  ring.accepted(old)
  t.equal(await signer(await ring.current()), 'b', 'still on trial')
  t.strictSame(changes, [])
})

test('with one key, an old JWT is signed anew and a new one is not', async (t) => {
  const { ring, call, accept, clock } = setUp(t, 'a')
  const old = await ring.current()
  accept(undefined)
  t.equal(await call(), 'a')
  clock.advance(10_000)
  t.equal(await call(), 'aa')
  t.not(await ring.current(), old)
})

test('a key that is offered is used from when the one in use is refused, and not before', async (t) => {
  const { ring, call, accept, changes, clock } = setUp(t, 'a')
  await call()
  ring.offer('primary', keys.c.privateKey)
  clock.advance(60 * 60_000)
  t.equal(await call(), 'A')
  accept('c')
  t.equal(await call(), 'aC')
  t.strictSame(changes, ['primary'])
  accept('a')
  t.equal(await call(), 'cA', 'the key before is not forgotten')
})

test('a key that is offered is tried at once, although another one was refused just now', async (t) => {
  const { ring, call, accept } = setUp(t, 'ab')
  accept('c')
  t.equal(await call(), 'ab')
  ring.offer('next', keys.c.privateKey)
  t.equal(await call(), 'aC')
})

test('a key that is offered takes the place of the one of its name, also while that is on trial', async (t) => {
  const { ring, call, accept, clock } = setUp(t, 'ab')
  await ring.replace(await ring.current())
  ring.offer('next', keys.c.privateKey)
  accept('b')
  t.equal(await call(), 'ac')
  clock.advance(cooldownMs)
  t.equal(await call(), 'ac', 'b is gone')
})

test('of three keys each gets its turn', async (t) => {
  const { ring, call, accept, clock, changes } = setUp(t, 'ab')
  ring.offer('primary', keys.c.privateKey)
  accept('b')
  t.equal(await call(), 'ac')
  clock.advance(cooldownMs)
  t.equal(await call(), 'aB')
  accept('c')
  t.equal(await call(), 'ba')
  clock.advance(cooldownMs)
  t.equal(await call(), 'bC')
  t.strictSame(changes, ['next', 'primary'])
})

test('a JWT that the wall clock calls expired is signed anew by its own key, before another key is tried', async (t) => {
  const { ring, clock, call, signer, changes } = setUp(t, 'ab')
  t.equal(await call(), 'A')
  const refused = await ring.current()
  clock.jumpWall(3_600_000)
  t.equal(await signer(await ring.replace(refused)), 'a')
  t.equal(await call(), 'A')
  t.strictSame(changes, [])
})
