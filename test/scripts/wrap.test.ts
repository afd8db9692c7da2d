import { test } from 'tap'
import { wrap } from '../../scripts/wrap.ts'

test('breaks between words, and begins each further line with the indent', async (t) => {
  t.equal(wrap('one two three', 8, '  '), 'one two\n  three')
})

test('a line may be exactly as wide as the terminal', async (t) => {
  t.equal(wrap('one two', 7, ''), 'one two')
})

test('breaks a URL before the members of its query, and JSON before its names', async (t) => {
  t.equal(wrap('http://a/b?c=1&d=2', 12, ' '), 'http://a/b\n ?c=1&d=2')
  t.equal(wrap('{"a":1,"b":[2]}', 9, ''), '{"a":1,\n"b":[2]}')
})

test('what is longer than a line stays whole, and so does what a no-break space holds together', async (t) => {
  t.equal(wrap('a longer-than-a-line b', 6, ''), 'a\nlonger-than-a-line\nb')
  t.equal(wrap('a b:\u00a0c', 4, ''), 'a\nb: c')
})

test('colours take no room', async (t) => {
  t.equal(wrap('\u001b[32mone\u001b[39m two', 7, ''), '\u001b[32mone\u001b[39m two')
})
