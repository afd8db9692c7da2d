/** The shapes of settings: what each says of itself to whoever reads the list. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Value } from '@sinclair/typebox/value'
import { integer, list, privateKeyText, requiredList, secretText, text } from '../../src/settings/shapes.ts'

test('a text is required unless it has a fallback, and is never empty', () => {
  assert.equal(text('what').default, undefined)
  assert.equal(text('what', 'this').default, 'this')
  assert.equal(Value.Check(text('what'), ''), false)
})

test('a secret says that it is one, and a private key which kinds it may be', () => {
  assert.equal(secretText('what').secret, true)
  const key = privateKeyText('what', ['RSA'])
  assert.deepEqual([key.secret, key.privateKey], [true, ['RSA']])
})

test('a number has its bounds', () => {
  const port = integer('what', 80, 1, 100)
  assert.deepEqual(
    [0, 1, 100, 101, 1.5].map((value) => Value.Check(port, value)),
    [false, true, true, false, false],
  )
})

test('a list has a fallback, and may say what is expected; a required one has none', () => {
  assert.deepEqual(list('what', ['a']).default, ['a'])
  assert.equal(list('what', [], undefined, 'names').expected, 'names')
  assert.equal(requiredList('what').default, undefined)
})
