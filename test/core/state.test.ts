/** The form and the spread of a state, and the names under which a store keeps what belongs to it. */

import { createHash } from 'node:crypto'
import { test } from 'tap'
import {
  mintState,
  referenceTo,
  resultKey,
  statePattern,
  toReference,
  verificationKey,
} from '../../src/core/state.ts'

const form = new RegExp(statePattern)

test('a state is 32 bytes in canonical base64url without padding', async (t) => {
  const state = mintState()
  t.match(state, form)
  const bytes = Buffer.from(state, 'base64url')
  t.equal(bytes.length, 32)
  t.equal(bytes.toString('base64url'), state)
})

test('20,000 states are distinct and use all of their 256 bits', async (t) => {
  const states = Array.from({ length: 20_000 }, mintState)
  t.equal(new Set(states).size, states.length)
  const ones = new Array<number>(256).fill(0)
  for (const state of states)
    Buffer.from(state, 'base64url').forEach((byte, index) => {
      for (let bit = 0; bit < 8; bit++)
        ones[index * 8 + bit] = (ones[index * 8 + bit] ?? 0) + ((byte >> bit) & 1)
    })
  // 10 standard deviations (of 71) from the mean: a fair bit leaves this once in 10^23 runs.
  for (const [bit, count] of ones.entries())
    t.ok(Math.abs(count - 10_000) < 710, `bit ${bit} was set ${count} times`)
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
  test(`the pattern of a state refuses ${what}`, async (t) => {
    t.notMatch(text, form)
  })
}

test('the key of a verification is SHA-256 over state and subject', async (t) => {
  const state = mintState()
  const expected = createHash('sha256').update(`${state}alice`).digest('base64url')
  t.equal(verificationKey('alice', state), expected)
  t.equal(expected.length, 43)
})

test('another subject or another state makes another key', async (t) => {
  const [first, second] = [mintState(), mintState()]
  const keys = [first, second].flatMap((state) =>
    ['alice', 'bob', 'alice ', 'Alice', ''].map((subject) => verificationKey(subject, state)),
  )
  t.equal(new Set(keys).size, 10)
})

test('the key of a result changes with the subject, the state and the code', async (t) => {
  const [first, second] = [mintState(), mintState()]
  const keys = [first, second].flatMap((state) =>
    ['alice', 'bob'].flatMap((subject) =>
      ['a-code', 'b-code', ''].map((code) => resultKey(subject, state, code)),
    ),
  )
  t.equal(new Set(keys).size, 12)
  for (const key of keys) t.match(key, /^[A-Za-z0-9_-]{43}$/)
})

test('a subject and a code that only concatenate to the same text have different keys', async (t) => {
  const state = mintState()
  t.not(resultKey('alice', state, 'a-code'), resultKey('alicea', state, '-code'))
  t.not(resultKey('alice', state, ''), verificationKey('alice', state))
})

test('a name that runs over into a subject names nothing, so that nobody reaches the entry of another', async (t) => {
  const state = mintState()
  const requestId = 'c11236f4-00bf-4b89-84ba-88b25df97315'
  t.equal(toReference({ state }), state)
  t.equal(toReference({ requestId }), referenceTo(requestId))
  const longer = { state: `${state}vic`, requestId: `${requestId}:vic` }
  // What makes it dangerous: the keys of the two subjects would be the same.
  t.equal(verificationKey('tim', longer.state), verificationKey('victim', state))
  t.equal(
    verificationKey('tim', referenceTo(longer.requestId)),
    verificationKey('vic:tim', referenceTo(requestId)),
  )
  for (const bad of [longer.state, state.slice(1), `${state}\n`, '', referenceTo(requestId)])
    t.equal(toReference({ state: bad }), undefined)
  for (const bad of [longer.requestId, '', 'a/b', `${requestId}\n`, 'a'.repeat(101)])
    t.equal(toReference({ requestId: bad }), undefined)
})
