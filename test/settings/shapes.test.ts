/** The shapes of settings: what each says of itself to whoever reads the list. */

import { Value } from '@sinclair/typebox/value'
import { test } from 'tap'
import { integer, list, privateKeyText, requiredList, secretText, text } from '../../src/settings/shapes.ts'

test('a text is required unless it has a fallback, and is never empty', async (t) => {
  t.equal(text('what').default, undefined)
  t.equal(text('what', 'this').default, 'this')
  t.equal(Value.Check(text('what'), ''), false)
})

test('a secret says that it is one, and a private key which kinds it may be', async (t) => {
  t.equal(secretText('what').secret, true)
  const key = privateKeyText('what', ['RSA'])
  t.strictSame([key.secret, key.privateKey], [true, ['RSA']])
})

test('a number has its bounds', async (t) => {
  const port = integer('what', 80, 1, 100)
  t.strictSame(
    [0, 1, 100, 101, 1.5].map((value) => Value.Check(port, value)),
    [false, true, true, false, false],
  )
})

test('a list has a fallback, and may say what is expected; a required one has none', async (t) => {
  t.strictSame(list('what', ['a']).default, ['a'])
  t.equal(list('what', [], undefined, 'names').expected, 'names')
  t.equal(requiredList('what').default, undefined)
})
