/** What a schema cannot tell. Which values are refused: config.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { meaningProblems } from '../../src/settings/meaning.ts'

const nothingGiven = () => false

test('settings that are not there, or not well by their schema, are not judged', () => {
  assert.deepEqual([...meaningProblems({}, nothingGiven)], [])
})

test('a setting is named once, however many of its values are wrong', () => {
  const problems = [...meaningProblems({ TRUSTED_PROXIES: ['3', 'a'], REDIS_URL: ['a', 'b'] }, nothingGiven)]
  assert.deepEqual(
    problems.map(([name]) => name),
    ['TRUSTED_PROXIES', 'REDIS_URL'],
  )
})
