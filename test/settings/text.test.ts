/** Texts of settings: what they mean by type, and that what is expected is told of every type of the list. */

import { Type } from '@sinclair/typebox'
import { test } from 'tap'
import { expectationOf, hasQuotes, parseValue, requirementOf } from '../../src/settings/text.ts'
import { settings } from '../../src/settings.ts'

test('a text is read by the type of its setting, and stays text when it is not of it', async (t) => {
  const list = Type.Array(Type.String())
  t.equal(parseValue('8', Type.Integer()), 8)
  t.equal(parseValue('8', Type.String()), '8')
  t.equal(parseValue('true', Type.Boolean()), true)
  t.equal(parseValue('false', Type.Boolean()), false)
  t.strictSame(parseValue(' a, b ,,c', list), ['a', 'b', 'c'])
  for (const text of ['', '-1', '1.5', ' 8', '0x8', '1e3', '1234567890123456'])
    t.equal(parseValue(text, Type.Integer()), text)
  for (const text of ['TRUE', '1', 'yes']) t.equal(parseValue(text, Type.Boolean()), text)
})

test('quotes around a text are seen, those inside and a lone one are not', async (t) => {
  for (const text of ['"a"', "'a'", ' "a b"\n', '""', '"a\nb"']) t.ok(hasQuotes(text), text)
  for (const text of ['a', 'a"b"c', '"a', 'a"', `"a'`, '']) t.ok(!hasQuotes(text), text)
})

for (const [name, schema] of Object.entries(settings.properties))
  test(`${name} tells what it expects, and what it is for`, async (t) => {
    t.match(requirementOf(schema, name), /^required.+\.$/)
    t.notMatch(expectationOf(schema), /undefined|null|object/)
  })
