/** The form and the spread of a state, and the names under which a store keeps what belongs to it. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  mintState,
  referenceTo,
  resultKey,
  statePattern,
  toReference,
  verificationKey,
} from '../../src/core/state.ts'

const form = new RegExp(statePattern)

test('a state is 32 bytes in canonical base64url without padding', () => {
  const state = mintState()
  assert.match(state, form)
  const bytes = Buffer.from(state, 'base64url')
  assert.equal(bytes.length, 32)
  assert.equal(bytes.toString('base64url'), state)
})

test('20,000 states are distinct and use all of their 256 bits', () => {
  const states = Array.from({ length: 20_000 }, mintState)
  assert.equal(new Set(states).size, states.length)
  const ones = new Array<number>(256).fill(0)
  for (const state of states)
    Buffer.from(state, 'base64url').forEach((byte, index) => {
      for (let bit = 0; bit < 8; bit++)
        ones[index * 8 + bit] = (ones[index * 8 + bit] ?? 0) + ((byte >> bit) & 1)
    })
  // 10 standard deviations (of 71) from the mean: a fair bit leaves this once in 10^23 runs.
  for (const [bit, count] of ones.entries())
    assert.ok(Math.abs(count - 10_000) < 710, `bit ${bit} was set ${count} times`)
})

const badForms = {
  '42 characters': 'a'.repeat(42),
  '44 characters': 'a'.repeat(44),
  padding: `${'a'.repeat(43)}=`,
  'a plus from plain base64': `${'a'.repeat(42)}+`,
  'a slash from plain base64': `${'a'.repeat(42)}/`,
  'a trailing newline': `${'a'.repeat(43)}\n`,
  'a non-ASCII letter': `${'a'.repeat(42)}é`,
  nothing: '',
}

for (const [what, text] of Object.entries(badForms)) {
  test(`the pattern of a state refuses ${what}`, () => {
    assert.doesNotMatch(text, form)
  })
}

test('the key of a verification is SHA-256 over state and subject', () => {
  const state = mintState()
  const expected = createHash('sha256').update(`${state}alice`).digest('base64url')
  assert.equal(verificationKey('alice', state), expected)
  assert.equal(expected.length, 43)
})

test('another subject or another state makes another key', () => {
  const [first, second] = [mintState(), mintState()]
  const keys = [first, second].flatMap((state) =>
    ['alice', 'bob', 'alice ', 'Alice', ''].map((subject) => verificationKey(subject, state)),
  )
  assert.equal(new Set(keys).size, 10)
})

test('the key of a result changes with the subject, the state and the code', () => {
  const [first, second] = [mintState(), mintState()]
  const keys = [first, second].flatMap((state) =>
    ['alice', 'bob'].flatMap((subject) =>
      ['a-code', 'b-code', ''].map((code) => resultKey(subject, state, code)),
    ),
  )
  assert.equal(new Set(keys).size, 12)
  for (const key of keys) assert.match(key, /^[A-Za-z0-9_-]{43}$/)
})

test('a subject and a code that only concatenate to the same text have different keys', () => {
  const state = mintState()
  assert.notEqual(resultKey('alice', state, 'a-code'), resultKey('alicea', state, '-code'))
  assert.notEqual(resultKey('alice', state, ''), verificationKey('alice', state))
})

test('a name that runs over into a subject names nothing, so that nobody reaches the entry of another', () => {
  const state = mintState()
  const requestId = 'c11236f4-00bf-4b89-84ba-88b25df97315'
  assert.equal(toReference({ state }), state)
  assert.equal(toReference({ requestId }), referenceTo(requestId))
  const longer = { state: `${state}vic`, requestId: `${requestId}:vic` }
  // What makes it dangerous: the keys of the two subjects would be the same.
  assert.equal(verificationKey('tim', longer.state), verificationKey('victim', state))
  assert.equal(
    verificationKey('tim', referenceTo(longer.requestId)),
    verificationKey('vic:tim', referenceTo(requestId)),
  )
  for (const bad of [longer.state, state.slice(1), `${state}\n`, '', referenceTo(requestId)])
    assert.equal(toReference({ state: bad }), undefined)
  for (const bad of [longer.requestId, '', 'a/b', `${requestId}\n`, 'a'.repeat(101)])
    assert.equal(toReference({ requestId: bad }), undefined)
})
