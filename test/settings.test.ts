/** The list of settings is data; what can be wrong with it is that it says too little, or too much. */
import { test } from 'tap'
import { settings } from '../src/settings.ts'

for (const [name, schema] of Object.entries(settings.properties)) {
  test(`${name} says what it means, in one sentence or more`, async (t) => {
    t.match(schema.description ?? '', /^\S.+\.$/)
  })

  if (schema.secret === true)
    test(`${name} is a secret, so it has no default`, async (t) => {
      t.equal(schema.default, undefined)
    })
}
