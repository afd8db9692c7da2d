/** Calls to Vonage as spans. */
import { test } from 'tap'
import { traceTransport } from '../../src/vonage/traced-transport.ts'
import type { Answer, NoAnswer, Request } from '../../src/vonage/transport.ts'
import { answer, noAnswer, request } from '../support/scripted-transport.ts'
import { recordSpans, traceparent } from '../support/spans.ts'

const never = new AbortController().signal

function setUp(outcome: Answer | NoAnswer) {
  const sent: [Request, AbortSignal][] = []
  const { inSpan, spans } = recordSpans()
  let closed = 0
  const transport = traceTransport(
    {
      async send(...call) {
        sent.push(call)
        return outcome
      },
      async close() {
        closed++
      },
    },
    'token',
    'https://api.example:8443/oauth2/token?canary=1',
    inSpan,
  )
  return { transport, sent, spans, closed: () => closed }
}

const begun = { 'http.request.method': 'POST', 'server.address': 'api.example' }

test('a call is a span of its own, which Vonage is told, and its outcome goes through', async (t) => {
  const outcome = answer(503)
  const { transport, sent, spans } = setUp(outcome)
  const callersOwn = { ...request, headers: { a: 'b', traceparent: 'of the caller' } }
  t.equal(await transport.send(callersOwn, never), outcome)
  t.strictSame(sent, [[{ ...request, headers: { a: 'b', traceparent } }, never]])
  const attributes = { ...begun, 'http.response.status_code': 503 }
  t.strictSame(spans, [{ name: 'vonage token', attributes }])
})

test('a call without an answer is a failed span', async (t) => {
  const { transport, spans } = setUp(noAnswer('timeout'))
  await transport.send(request, never)
  t.strictSame(spans[0]?.attributes, { ...begun, 'error.type': 'timeout' })
})

test('closing it closes the transport', async (t) => {
  const { transport, closed } = setUp(answer(200))
  await transport.close()
  t.equal(closed(), 1)
})
