/**
 * The phone with Verify v2: what it opens and posts, against a service that only writes down what it gets.
 */

import { createServer } from 'node:http'
import { test } from 'tap'
import { readOutcome } from '../../../simulator/answers.ts'
import { captionOf } from '../../../simulator/captions.ts'
import type { Step } from '../../../simulator/phone.ts'
import { startTestSimulator } from '../harness.ts'
import { listenOnLoopback } from '../phone-harness.ts'
import { call, workflowOf } from './harness.ts'

/** A service that answers 200 `{}` to everything; gives its origin and what it got. */
async function recordingService(close: (end: () => unknown) => void) {
  const received: string[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    received.push(`${request.method} ${request.url} ${body}`)
    response.setHeader('content-type', 'application/json').end('{}')
  })
  const serviceUrl = await listenOnLoopback(server)
  close(() => {
    server.closeAllConnections()
    server.close()
  })
  return { serviceUrl, received }
}

test('the phone opens a check_url and posts the object that it got, byte for byte', async (t) => {
  const { serviceUrl, received } = await recordingService((end) => t.teardown(end))
  const simulator = await startTestSimulator({ serviceUrl })
  const { body } = await call(simulator, '', workflowOf('+4930123456'))
  const phone = simulator.createPhone()
  const steps: Step[] = []
  const opened = await phone.open(String(body?.check_url), 'cellular', (step) => steps.push(step))
  t.strictSame(Object.keys(opened.body as object), ['request_id', 'code'])
  await phone.finish('a-token', opened.text)
  t.strictSame(received, [`POST /v1/number-verification ${opened.text}`])
  t.strictSame(
    steps.map((step) => `${step.to} ${step.path} ${step.status} ${captionOf(step)}`),
    [
      'vonage /v2/verify/{request_id}/silent-auth/redirect 302 Open the auth_url over cellular',
      'carrier /carrier/line 302 The carrier looks at the line',
      'vonage /v2/verify/{request_id}/silent-auth/result 200 Back at Vonage: the code for this phone',
    ],
  )
  const { code } = opened.body as { code: string }
  t.equal(JSON.stringify(steps).includes(code), false)
  t.equal((await call(simulator, `/${body?.request_id}`, { code })).text, '200 completed')
})

test('a problem of Vonage’s at the end of a check_url leads to the fallback', async (t) => {
  const simulator = await startTestSimulator()
  const { body } = await call(simulator, '', workflowOf('+99012345677', ['silent_auth']))
  const opened = await simulator.createPhone().open(String(body?.check_url), 'cellular')
  const outcome = readOutcome(opened)
  t.hasStrict(outcome, { code: 'precondition-failed', next_action: 'use_fallback' })
})

test('the phone asks for an SMS and types its code', async (t) => {
  const { serviceUrl, received } = await recordingService((end) => t.teardown(end))
  const simulator = await startTestSimulator({ serviceUrl })
  await call(simulator, '', workflowOf('+4930123456', ['sms']))
  const phone = simulator.createPhone()
  await phone.requestSms('a-token', '+4930123456')
  const [message] = simulator.messages('+4930123456')
  const code = String(message?.code)
  await phone.typeCode('a-token', { code, state: 'a-state' })
  t.strictSame(received, [
    'POST /v1/sms-verification {"phone_number":"+4930123456"}',
    `POST /v1/number-verification {"code":"${code}","state":"a-state"}`,
  ])
})
