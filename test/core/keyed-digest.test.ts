/** Keyed digests: comparable by those who have the secret, and of no use to anyone else. */

import { createHash, createHmac } from 'node:crypto'
import { test } from 'tap'
import { createKeyedDigest } from '../../src/core/keyed-digest.ts'

const digest = createKeyedDigest('a secret')
const texts = Array.from({ length: 1000 }, (_, n) => `+990${String(n).padStart(8, '0')}`)

test('a digest is 22 base64url characters, whatever the text', async (t) => {
  for (const text of ['', 'x', '😀', '\0', 'x'.repeat(100_000), ...texts])
    t.match(digest(text), /^[A-Za-z0-9_-]{22}$/)
})

test('the same secret gives the same digest, in every process and every version', async (t) => {
  t.equal(createKeyedDigest('a secret')('+99012345678'), digest('+99012345678'))
  t.equal(digest('+99012345678'), 'U9z-uLj9PaXG9db_qNdway')
})

test('another secret gives other digests', async (t) => {
  for (const secret of ['', 'a secre', 'a secret ', 'A secret', 'a secret\n']) {
    const other = createKeyedDigest(secret)
    for (const text of texts.slice(0, 20)) t.not(other(text), digest(text))
  }
})

test('different texts have different digests', async (t) => {
  t.equal(new Set(texts.map(digest)).size, texts.length)
})

test('whoever knows the text and not the secret cannot compute the digest', async (t) => {
  for (const text of texts.slice(0, 20)) {
    const guesses = ['sha1', 'sha256', 'sha512', 'sha3-256', 'md5'].flatMap((name) => [
      createHash(name).update(text).digest('base64url'),
      createHash(name).update(`a secret${text}`).digest('base64url'),
      createHmac(name, '').update(text).digest('base64url'),
      // The secret serves elsewhere too, so it is not the key itself.
      createHmac(name, 'a secret').update(text).digest('base64url'),
    ])
    t.ok(!guesses.some((guess) => guess.startsWith(digest(text))))
  }
})
