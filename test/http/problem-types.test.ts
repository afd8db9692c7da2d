/** The table of failure codes says what the public contract says. */
import { test } from 'tap'
import { nextActions, problemTypes } from '../../src/http/problem-types.ts'
import { codes, contract } from '../support/problem.ts'

test('the codes are exactly those of the contract', async (t) => {
  t.strictSame(Object.keys(problemTypes).sort(), codes.toSorted())
})

for (const code of codes)
  test(`${code} has the status and the next action of the contract, and a fixed text`, async (t) => {
    const { status, nextAction, title, detail } = problemTypes[code]
    t.strictSame([status, nextAction], contract[code])
    for (const text of [title, detail]) t.match(text, /^[A-Z][ -~]{3,}$/)
    // Vonage's Android library reads headers in body lines too.
    t.notMatch(detail, /(content-type|location|set-cookie):/i)
  })

test('the next actions are the list that an app can switch on', async (t) => {
  t.strictSame(nextActions, [
    'fix_request',
    'ask_again',
    'sign_in',
    'retry',
    'start_again',
    'use_fallback',
    'give_up',
  ])
  t.strictSame(new Set(codes.map((code) => problemTypes[code].nextAction)), new Set(nextActions))
})
