/** Texts of settings: what they mean by type, and that what is expected is told of every type of the list. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from '@sinclair/typebox'
import { expectationOf, hasQuotes, parseValue, requirementOf } from '../../src/settings/text.ts'
import { settings } from '../../src/settings.ts'

test('a text is read by the type of its setting, and stays text when it is not of it', () => {
  const list = Type.Array(Type.String())
  assert.equal(parseValue('8', Type.Integer()), 8)
  assert.equal(parseValue('8', Type.String()), '8')
  assert.equal(parseValue('true', Type.Boolean()), true)
  assert.equal(parseValue('false', Type.Boolean()), false)
  assert.deepEqual(parseValue(' a, b ,,c', list), ['a', 'b', 'c'])
  for (const text of ['', '-1', '1.5', ' 8', '0x8', '1e3', '1234567890123456'])
    assert.equal(parseValue(text, Type.Integer()), text)
  for (const text of ['TRUE', '1', 'yes']) assert.equal(parseValue(text, Type.Boolean()), text)
})

test('quotes around a text are seen, those inside and a lone one are not', () => {
  for (const text of ['"a"', "'a'", ' "a b"\n', '""', '"a\nb"']) assert.ok(hasQuotes(text), text)
  for (const text of ['a', 'a"b"c', '"a', 'a"', `"a'`, '']) assert.ok(!hasQuotes(text), text)
})

for (const [name, schema] of Object.entries(settings.properties))
  test(`${name} tells what it expects, and what it is for`, () => {
    assert.match(requirementOf(schema, name), /^required.+\.$/)
    assert.doesNotMatch(expectationOf(schema), /undefined|null|object/)
  })
