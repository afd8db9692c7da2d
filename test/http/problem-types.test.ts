/** The table of failure codes says what the public contract says. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextActions, problemTypes } from '../../src/http/problem-types.ts'
import { codes, contract } from '../support/problem.ts'

test('the codes are exactly those of the contract', () => {
  assert.deepEqual(Object.keys(problemTypes).sort(), codes.toSorted())
})

for (const code of codes)
  test(`${code} has the status and the next action of the contract, and a fixed text`, () => {
    const { status, nextAction, title, detail } = problemTypes[code]
    assert.deepEqual([status, nextAction], contract[code])
    for (const text of [title, detail]) assert.match(text, /^[A-Z][ -~]{3,}$/)
    // Vonage's Android library reads headers in body lines too.
    assert.doesNotMatch(detail, /(content-type|location|set-cookie):/i)
  })

test('the next actions are the list that an app can switch on', () => {
  assert.deepEqual(nextActions, [
    'fix_request',
    'ask_again',
    'sign_in',
    'retry',
    'start_again',
    'use_fallback',
    'give_up',
  ])
  assert.deepEqual(new Set(codes.map((code) => problemTypes[code].nextAction)), new Set(nextActions))
})
