/** Which values fit, where the others do not, and that nothing of them is told. */

import { Type } from '@sinclair/typebox'
import fastify from 'fastify'
import { test } from 'tap'
import { compilersFactory, createValidator } from '../../src/http/validation.ts'
import { confirm } from '../support/must.ts'

const schema = Type.Object(
  {
    text: Type.String({ minLength: 2, maxLength: 4, pattern: '^[a-z]+$' }),
    inner: Type.Optional(
      Type.Object(
        { flag: Type.Boolean(), 'a/b': Type.Optional(Type.Literal('x')) },
        { additionalProperties: false },
      ),
    ),
  },
  { additionalProperties: false },
)
const validate = createValidator(schema)

for (const value of [{ text: 'ab' }, { text: 'abcd', inner: { flag: false } }])
  test(`${JSON.stringify(value)} fits`, async (t) => t.equal(validate(value), true))

const unfit: [value: unknown, keyword: string, pointer: string][] = [
  [undefined, 'type', ''],
  [null, 'type', ''],
  ['text', 'type', ''],
  [[], 'type', ''],
  [{}, 'required', '/text'],
  [{ text: 7 }, 'type', '/text'],
  [{ text: null }, 'type', '/text'],
  [{ text: 'a' }, 'minLength', '/text'],
  [{ text: 'abcde' }, 'maxLength', '/text'],
  [{ text: 'AB' }, 'pattern', '/text'],
  [{ text: 'ab', canary: 1 }, 'additionalProperties', ''],
  [{ text: 'ab', 'canary/canary~': 1 }, 'additionalProperties', ''],
  [{ text: 'ab', inner: {} }, 'required', '/inner/flag'],
  [{ text: 'ab', inner: { flag: 'canary' } }, 'type', '/inner/flag'],
  [{ text: 'ab', inner: { flag: true, canary: 1 } }, 'additionalProperties', '/inner'],
  [{ text: 'ab', inner: { flag: true, 'a/b': 'canary' } }, 'type', '/inner/a~1b'],
]

for (const [value, keyword, pointer] of unfit)
  test(`${JSON.stringify(value)} does not fit: ${keyword} at "${pointer}"`, async (t) => {
    const result = validate(value)
    confirm(t, result !== true)
    t.equal(result.error.length, 1)
    t.strictSame([result.error[0]?.keyword, result.error[0]?.instancePath], [keyword, pointer])
    t.notMatch(JSON.stringify(result), /canary/)
  })

test('Fastify takes it for bodies and queries, repairs nothing, and answers in plain JSON', async (t) => {
  const app = fastify({ schemaController: { compilersFactory } })
  t.teardown(() => app.close())
  const response = { 200: Type.Object({ text: Type.String() }) }
  app.post('/', { schema: { body: schema, response } }, async ({ body }) => body)
  app.get('/', { schema: { querystring: Type.Object({ n: Type.Number() }) } }, async () => 'unreached')
  const good = await app.inject({ method: 'POST', url: '/', payload: { text: 'ab' } })
  t.equal(good.body, '{"text":"ab"}')
  t.equal(good.headers['content-type'], 'application/json; charset=utf-8')
  t.equal((await app.inject({ method: 'POST', url: '/', payload: { text: 7 } })).statusCode, 400)
  t.equal((await app.inject('/?n=7')).statusCode, 400, 'a text is no number')
})
