/** What is sealed at rest: only the state that sealed it opens it, and nothing in it can be read or changed without. */
import { test } from 'tap'
import { mintState } from '../../src/core/state.ts'
import { seal, unseal } from '../../src/store/sealed.ts'

const state = mintState()
const value = { n: '+99055500123', s: 'dpv:canary#a scope, "quoted" \u2028 ☎' }
const sealed = seal('record', state, value)
const bytes = Buffer.from(sealed, 'base64')
const encode = (changed: Buffer) => changed.toString('base64')
const changedAt = (index: number, mask: number) => {
  const changed = Buffer.from(bytes)
  changed[index] = (changed[index] ?? 0) ^ mask
  return encode(changed)
}

test('the state opens what it sealed, for the same purpose', async (t) => {
  t.strictSame(unseal('record', state, sealed), value)
  t.equal(unseal('result', state, sealed), undefined)
})

test('nothing in a record is readable', async (t) => {
  const [number, scope] = [value.n, value.s]
  for (const part of [number, number.slice(1), scope, 'canary', '{"n"', state])
    for (const text of [sealed, bytes.toString('latin1'), bytes.toString('utf8'), bytes.toString('hex')])
      t.ok(!text.includes(part))
})

test('the same verification sealed again looks different everywhere but in its version', async (t) => {
  const records = Array.from({ length: 1000 }, () => Buffer.from(seal('record', state, value), 'base64'))
  t.equal(new Set(records.map((other) => other.toString('hex', 1, 13))).size, 1000, 'no IV twice')
  t.equal(new Set(records.map((other) => other.toString('hex', 13))).size, 1000)
})

test('another state opens nothing', async (t) => {
  for (const other of [mintState(), '', `${state} `, state.slice(1), state.toLowerCase()])
    t.equal(unseal('record', other, sealed), undefined)
})

test('a record with any one bit changed opens no more', async (t) => {
  for (let index = 0; index < bytes.length; index++)
    for (let bit = 0; bit < 8; bit++)
      t.equal(unseal('record', state, changedAt(index, 1 << bit)), undefined, `byte ${index}`)
})

test('a record cut at any length, or grown, opens no more', async (t) => {
  for (let length = 0; length < bytes.length; length++)
    t.equal(unseal('record', state, encode(bytes.subarray(0, length))), undefined, `${length} bytes`)
  t.equal(unseal('record', state, encode(Buffer.concat([bytes, Buffer.of(0)]))), undefined)
  t.equal(unseal('record', state, encode(Buffer.concat([bytes, bytes]))), undefined)
})

test('a record of any other version is unknown', async (t) => {
  for (let version = 0; version < 256; version++)
    if (version !== 1)
      t.equal(
        unseal('record', state, encode(Buffer.concat([Buffer.of(version), bytes.subarray(1)]))),
        undefined,
      )
})

for (const [kind, text] of [
  ['nothing', ''],
  ['a word', 'hello'],
  ['not base64', '\u0000☎***'],
  ['a megabyte', 'AQ'.repeat(500_000)],
])
  test(`a record that is ${kind} is unknown`, async (t) => {
    t.equal(unseal('record', state, text ?? ''), undefined)
  })
