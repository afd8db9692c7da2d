/** What all calls to Vonage have in common on the wire. The tables of each operation: the wire tests of the two products. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { ServiceFailure } from '../../src/core/failures.ts'
import {
  asSpent,
  codeRefusal,
  codeWithoutAnswer,
  parse,
  parseReason,
  startWithoutAnswer,
} from '../../src/vonage/judging.ts'
import type { Answer } from '../../src/vonage/transport.ts'
import { noAnswer } from '../support/scripted-transport.ts'

const schema = TypeCompiler.Compile(Type.Object({ a: Type.Integer() }))
const answer = (status: number, text: string, headers: Answer['headers'] = {}): Answer => ({
  kind: 'answer',
  status,
  headers,
  text,
})

test('an answer that fits is read, with members that nobody knows', () => {
  assert.deepEqual(parse(answer(200, '{"a":1,"b":2}'), schema), { a: 1, b: 2 })
})

test('a reason that does not fit is no reason', () => {
  for (const text of ['', '{', '[]', '{"a":"1"}']) {
    assert.throws(() => parse(answer(200, text), schema), { code: 'upstream_invalid' })
    assert.equal(parseReason(answer(400, text), schema), undefined)
  }
})

test('a start that found no connection may be repeated; a code that may have left may not', () => {
  assert.equal(startWithoutAnswer(noAnswer('unreachable')).code, 'upstream_unavailable')
  assert.equal(startWithoutAnswer(noAnswer('timeout')).code, 'upstream_timeout')
  assert.equal(startWithoutAnswer(noAnswer('cancelled')).code, 'upstream_timeout')
  assert.equal(startWithoutAnswer(noAnswer('broken')).code, 'upstream_invalid')
  assert.equal(codeWithoutAnswer(noAnswer('unreachable')).code, 'upstream_unavailable')
  for (const kind of ['timeout', 'cancelled', 'broken'] as const)
    assert.equal(codeWithoutAnswer(noAnswer(kind)).code, 'outcome_unknown')
})

test('of a code only a 429 says that nobody looked at it', () => {
  const retryAfter = { 'retry-after': '7' }
  assert.equal(codeRefusal(answer(429, '', retryAfter), 0).retryAfterSeconds, 7)
  assert.equal(codeRefusal(answer(503, '', retryAfter), 0).code, 'outcome_unknown')
  assert.equal(codeRefusal(answer(401, ''), 0).code, 'upstream_refused')
})

test('once a code is spent, busy means to start again, and everything else stays', () => {
  assert.equal(asSpent(new ServiceFailure('upstream_busy')).code, 'outcome_unknown')
  assert.equal(asSpent(new ServiceFailure('upstream_busy', { note: 'why' })).note, 'why')
  const refused = new ServiceFailure('upstream_refused')
  assert.equal(asSpent(refused), refused)
})
