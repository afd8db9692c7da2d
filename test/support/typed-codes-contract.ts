/** What every `TypedCodes` promises: each implementation's own test file calls it with a factory. */
import { type Test, test } from 'tap'
import type { TypedCodes } from '../../src/core/message-ports.ts'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { mintState } from '../../src/core/state.ts'
import { fail } from './must.ts'

export interface CodesUnderTest {
  codes: TypedCodes
  /** Lets so much time pass. */
  advance(ms: number): void | Promise<void>
  /** How far before its end an entry must still be there. */
  expirySlackMs: number
}

const number = parsePhoneNumber('+447700900200') ?? fail()
const other = parsePhoneNumber('+447700900201') ?? fail()
const pending = { phoneNumber: number, scope: '', requestId: 'an-id' }

export function typedCodesContract(name: string, create: (t: Test) => Promise<CodesUnderTest>): void {
  test(`${name}: each guess is counted, and tells what is guessed about`, async (t) => {
    const { codes } = await create(t)
    const state = mintState()
    await codes.put('alice', state, pending)
    const left: unknown[] = []
    for (let times = 0; times < 4; times++) {
      const guess = await codes.guess('alice', state)
      left.push(guess?.left)
      t.strictSame(
        [guess?.pending.phoneNumber.reveal(), guess?.pending.requestId],
        ['+447700900200', 'an-id'],
      )
    }
    t.strictSame(left, [2, 1, 0, -1])
  })

  test(`${name}: of 100 guesses at once three count`, async (t) => {
    const { codes } = await create(t)
    const state = mintState()
    await codes.put('alice', state, pending)
    const guesses = await Promise.all(Array.from({ length: 100 }, () => codes.guess('alice', state)))
    t.equal(guesses.filter((guess) => guess && guess.left >= 0).length, 3)
  })

  test(`${name}: a guess that nobody looked at is given back`, async (t) => {
    const { codes } = await create(t)
    const state = mintState()
    await codes.put('alice', state, pending)
    await codes.guess('alice', state)
    await codes.takeBack('alice', state)
    await codes.takeBack('bob', state)
    t.equal((await codes.guess('alice', state))?.left, 2)
  })

  test(`${name}: another caller, and another state, find nothing and count nothing`, async (t) => {
    const { codes } = await create(t)
    const state = mintState()
    await codes.put('alice', state, pending)
    t.equal(await codes.guess('bob', state), undefined)
    t.equal(await codes.guess('alice', mintState()), undefined)
    await codes.end('bob', state)
    t.equal((await codes.guess('alice', state))?.left, 2)
  })

  test(`${name}: a code lives for its time, whatever is guessed, and not after its end`, async (t) => {
    const { codes, advance, expirySlackMs } = await create(t)
    const [ended, state] = [mintState(), mintState()]
    for (const each of [ended, state]) await codes.put('alice', each, pending)
    await codes.end('alice', ended)
    t.equal(await codes.guess('alice', ended), undefined)
    await advance(codes.lifetimeSeconds * 1000 - expirySlackMs)
    t.ok(await codes.guess('alice', state))
    await advance(expirySlackMs)
    t.equal(await codes.guess('alice', state), undefined)
    await codes.takeBack('alice', state)
    t.equal(await codes.guess('alice', state), undefined)
  })

  test(`${name}: one of 50 claims at once counts, for half a minute, and only for its caller and number`, async (t) => {
    const { codes, advance } = await create(t)
    const states = Array.from({ length: 50 }, mintState)
    const claimed = await Promise.all(states.map((state) => codes.claim('alice', number, state)))
    const [first] = new Set(claimed)
    t.equal(new Set(claimed).size, 1)
    t.ok(states.includes(first ?? ''))
    for (const [subject, phoneNumber] of [
      ['bob', number],
      ['alice', other],
    ] as const) {
      const state = mintState()
      t.equal(await codes.claim(subject, phoneNumber, state), state)
    }
    await advance(30_000)
    const state = mintState()
    t.equal(await codes.claim('alice', number, state), state)
  })

  test(`${name}: a claim that came to nothing is free again`, async (t) => {
    const { codes } = await create(t)
    const [first, second] = [mintState(), mintState()]
    await codes.claim('alice', number, first)
    await codes.unclaim('bob', number)
    t.equal(await codes.claim('alice', number, second), first)
    await codes.unclaim('alice', number)
    t.equal(await codes.claim('alice', number, second), second)
  })
}
