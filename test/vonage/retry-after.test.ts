/** How long a `Retry-After` asks us to wait. */
import { test } from 'tap'
import { clampRetryAfter, parseRetryAfter } from '../../src/vonage/retry-after.ts'

const nowMs = Date.UTC(2026, 0, 1, 12)
const at = (ms: number) => new Date(nowMs + ms).toUTCString()

const headers: [string, string | undefined, number][] = [
  ['absent', undefined, 1],
  ['empty', '', 1],
  ['0', '0', 1],
  ['1', '1', 1],
  ['59', '59', 59],
  ['60', '60', 60],
  ['61', '61', 60],
  ['10^9', '1000000000', 60],
  ['a number beyond all numbers', '9'.repeat(400), 60],
  ['a leading 0', '007', 7],
  ['negative', '-5', 1],
  ['a fraction', '1.5', 1],
  ['an exponent', '1e9', 1],
  ['hexadecimal', '0xff', 1],
  ['a word', 'soon', 1],
  ['a unit', '30s', 1],
  ['two values', '30, 40', 1],
  ['a newline after digits', '30\n', 1],
  ['other digits', '٣٠', 1],
  ['a date in 30 seconds', at(30_000), 30],
  ['a date in an hour', at(3_600_000), 60],
  ['a date that is now', at(0), 1],
  ['a date that is past', at(-30_000), 1],
  ['a date that is none', 'Thu, 99 Foo 2026 12:00:30 GMT', 1],
]

for (const [what, text, seconds] of headers) {
  test(`a Retry-After that is ${what} means ${seconds} s`, async (t) => {
    t.equal(parseRetryAfter(text, nowMs), seconds)
  })
}

test('a date is rounded up to whole seconds', async (t) => {
  t.equal(parseRetryAfter(at(30_000), nowMs - 1), 31)
})

for (const [given, seconds] of [
  [-1, 1],
  [0, 1],
  [0.2, 1],
  [1.2, 2],
  [60, 60],
  [60.1, 60],
  [Number.POSITIVE_INFINITY, 60],
] as const) {
  test(`${given} s become ${seconds} s`, async (t) => {
    t.equal(clampRetryAfter(given), seconds)
  })
}
