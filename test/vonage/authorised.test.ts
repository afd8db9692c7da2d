/** Calls with our JWT: which are sent twice, and what the keys hear of them. How keys change: key-ring.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { abortAfter, createAuthorised } from '../../src/vonage/authorised.ts'
import type { Outcome, Route } from '../../src/vonage/route.ts'
import { answer, noAnswer, request } from '../support/scripted-transport.ts'

const { signal } = new AbortController()

/** @param other the JWT that a 401 brings, if any */
function setUp(outcomes: Outcome[], other?: string) {
  const heard: string[] = []
  const sent: string[] = []
  const authorised = createAuthorised({
    ageSeconds: () => 0,
    current: () => 'first',
    replace: async (jwt) => {
      heard.push(`${jwt} refused`)
      return other
    },
    accepted: (jwt) => void heard.push(`${jwt} accepted`),
    offer: () => {},
  })
  const route: Route = {
    send: async ({ body }) => {
      sent.push(body)
      return outcomes[sent.length - 1] ?? assert.fail('one call too many')
    },
    refused: () => undefined,
    circuit: () => 'closed',
  }
  const send = () => authorised.send(route, (jwt) => ({ ...request, body: jwt }), signal)
  return { send, sent, heard }
}

for (const status of [200, 202])
  test(`a ${status} says that Vonage accepts the JWT`, async () => {
    const { send, sent, heard } = setUp([answer(status)])
    await send()
    assert.deepEqual([sent, heard], [['first'], ['first accepted']])
  })

for (const outcome of [answer(400), answer(500), noAnswer('timeout')])
  test(`${outcome.kind === 'answer' ? outcome.status : outcome.kind} says nothing about the JWT`, async () => {
    const { send, sent, heard } = setUp([outcome], 'second')
    assert.equal(await send(), outcome)
    assert.deepEqual([sent, heard], [['first'], []])
  })

test('a 401 is repeated once with the other JWT, and the keys hear of both', async () => {
  const { send, sent, heard } = setUp([answer(401), answer(401)], 'second')
  await send()
  assert.deepEqual(
    [sent, heard],
    [
      ['first', 'second'],
      ['first refused', 'second refused'],
    ],
  )
})

test('a 401 that no other JWT may cure is the answer', async () => {
  const { send, sent } = setUp([answer(401)])
  assert.deepEqual(await send(), answer(401))
  assert.deepEqual(sent, ['first'])
})

test('work is given up at its deadline, by the name of a timeout', async () => {
  const work = new AbortController()
  abortAfter(1, work)
  await new Promise((resolve) => work.signal.addEventListener('abort', resolve))
  assert.equal(work.signal.reason.name, 'TimeoutError')
})
