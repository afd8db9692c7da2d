/** Calls with our JWT: which are sent twice, and what the keys hear of them. How keys change: key-ring.test.ts. */
import { test } from 'tap'
import { abortAfter, createAuthorised } from '../../src/vonage/authorised.ts'
import type { Outcome, Route } from '../../src/vonage/route.ts'
import { fail } from '../support/must.ts'
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
      return outcomes[sent.length - 1] ?? fail('one call too many')
    },
    refused: () => undefined,
    circuit: () => 'closed',
  }
  const send = () => authorised.send(route, (jwt) => ({ ...request, body: jwt }), signal)
  return { send, sent, heard }
}

for (const status of [200, 202])
  test(`a ${status} says that Vonage accepts the JWT`, async (t) => {
    const { send, sent, heard } = setUp([answer(status)])
    await send()
    t.strictSame([sent, heard], [['first'], ['first accepted']])
  })

for (const outcome of [answer(400), answer(500), noAnswer('timeout')])
  test(`${outcome.kind === 'answer' ? outcome.status : outcome.kind} says nothing about the JWT`, async (t) => {
    const { send, sent, heard } = setUp([outcome], 'second')
    t.equal(await send(), outcome)
    t.strictSame([sent, heard], [['first'], []])
  })

test('a 401 is repeated once with the other JWT, and the keys hear of both', async (t) => {
  const { send, sent, heard } = setUp([answer(401), answer(401)], 'second')
  await send()
  t.strictSame(
    [sent, heard],
    [
      ['first', 'second'],
      ['first refused', 'second refused'],
    ],
  )
})

test('a 401 that no other JWT may cure is the answer', async (t) => {
  const { send, sent } = setUp([answer(401)])
  t.strictSame(await send(), answer(401))
  t.strictSame(sent, ['first'])
})

test('work is given up at its deadline, by the name of a timeout', async (t) => {
  const work = new AbortController()
  abortAfter(1, work)
  await new Promise((resolve) => work.signal.addEventListener('abort', resolve))
  t.equal(work.signal.reason.name, 'TimeoutError')
})
