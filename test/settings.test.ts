/** The list of settings is data; what can be wrong with it is that it says too little, or too much. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { settings } from '../src/settings.ts'

for (const [name, schema] of Object.entries(settings.properties)) {
  test(`${name} says what it means, in one sentence or more`, () => {
    assert.match(schema.description ?? '', /^\S.+\.$/)
  })

  if (schema.secret === true)
    test(`${name} is a secret, so it has no default`, () => {
      assert.equal(schema.default, undefined)
    })
}
