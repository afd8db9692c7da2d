/** What a schema cannot tell. Which values are refused: config.test.ts. */
import { test } from 'tap'
import { meaningProblems } from '../../src/settings/meaning.ts'

const nothingGiven = () => false

test('settings that are not there, or not well by their schema, are not judged', async (t) => {
  t.strictSame([...meaningProblems({}, nothingGiven)], [])
})

test('a setting is named once, however many of its values are wrong', async (t) => {
  const problems = [...meaningProblems({ TRUSTED_PROXIES: ['3', 'a'], REDIS_URL: ['a', 'b'] }, nothingGiven)]
  t.strictSame(
    problems.map(([name]) => name),
    ['TRUSTED_PROXIES', 'REDIS_URL'],
  )
})
