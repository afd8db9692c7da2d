/** What all calls to Vonage have in common on the wire. The tables of each operation: the wire tests of the two products. */

import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import { test } from 'tap'
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

test('an answer that fits is read, with members that nobody knows', async (t) => {
  t.strictSame(parse(answer(200, '{"a":1,"b":2}'), schema), { a: 1, b: 2 })
})

test('a reason that does not fit is no reason', async (t) => {
  for (const text of ['', '{', '[]', '{"a":"1"}']) {
    t.throws(() => parse(answer(200, text), schema), { code: 'upstream_invalid' })
    t.equal(parseReason(answer(400, text), schema), undefined)
  }
})

test('a start that found no connection may be repeated; a code that may have left may not', async (t) => {
  t.equal(startWithoutAnswer(noAnswer('unreachable')).code, 'upstream_unavailable')
  t.equal(startWithoutAnswer(noAnswer('timeout')).code, 'upstream_timeout')
  t.equal(startWithoutAnswer(noAnswer('cancelled')).code, 'upstream_timeout')
  t.equal(startWithoutAnswer(noAnswer('broken')).code, 'upstream_invalid')
  t.equal(codeWithoutAnswer(noAnswer('unreachable')).code, 'upstream_unavailable')
  for (const kind of ['timeout', 'cancelled', 'broken'] as const)
    t.equal(codeWithoutAnswer(noAnswer(kind)).code, 'outcome_unknown')
})

test('of a code only a 429 says that nobody looked at it', async (t) => {
  const retryAfter = { 'retry-after': '7' }
  t.equal(codeRefusal(answer(429, '', retryAfter), 0).retryAfterSeconds, 7)
  t.equal(codeRefusal(answer(503, '', retryAfter), 0).code, 'outcome_unknown')
  t.equal(codeRefusal(answer(401, ''), 0).code, 'upstream_refused')
})

test('once a code is spent, busy means to start again, and everything else stays', async (t) => {
  t.equal(asSpent(new ServiceFailure('upstream_busy')).code, 'outcome_unknown')
  t.equal(asSpent(new ServiceFailure('upstream_busy', { note: 'why' })).note, 'why')
  const refused = new ServiceFailure('upstream_refused')
  t.equal(asSpent(refused), refused)
})
