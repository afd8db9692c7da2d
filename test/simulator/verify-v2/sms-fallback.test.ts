/**
 * The walk of the phone page that falls back to an SMS, against a service in a few lines that does what its contract says.
 */

import { createServer } from 'node:http'
import { test } from 'tap'
import type { Simulator } from '../../../simulator/simulator.ts'
import { startTestSimulator } from '../harness.ts'
import { listenOnLoopback } from '../phone-harness.ts'
import { call, workflowOf } from './harness.ts'

interface Received {
  phone_number: string
  code: string
  state: string
}

/** Refuses to verify silently, and sends SMS; one wrong code after the other until Vonage has enough. */
async function openWorld(
  close: (end: () => unknown) => void,
  { hasSms, asksForEver = false }: { hasSms: boolean; asksForEver?: boolean },
) {
  const paths: string[] = []
  let simulator: Simulator
  async function answer(path: string, { phone_number, code, state }: Received): Promise<[number, object]> {
    if (path === '/v1/network-enablement')
      return [422, { code: 'network_not_supported', next_action: 'use_fallback' }]
    if (path === '/v1/sms-verification' && hasSms) {
      const { body } = await call(simulator, '', workflowOf(phone_number, ['sms']))
      return [200, { state: body?.request_id, code_length: 4, expires_in: 300 }]
    }
    if (path !== '/v1/number-verification') return [404, { code: 'not_found', next_action: 'fix_request' }]
    const { status } = await call(simulator, `/${state}`, { code })
    if (status === 200) return [200, { phone_number_verified: true }]
    if (status === 400 || asksForEver) return [400, { code: 'wrong_code', next_action: 'ask_again' }]
    return [400, { code: 'code_rejected', next_action: 'start_again' }]
  }
  const server = createServer(async (request, response) => {
    let text = ''
    for await (const chunk of request) text += chunk
    const path = String(request.url)
    paths.push(path)
    const [status, body] = await answer(path, JSON.parse(text))
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const serviceUrl = await listenOnLoopback(server)
  close(() => {
    server.closeAllConnections()
    server.close()
  })
  let clockMs = Date.now()
  const startedAtMs = clockMs
  simulator = await startTestSimulator({
    serviceUrl,
    now: () => clockMs,
    sleep: async (durationMs) => {
      clockMs += durationMs
    },
  })
  return { simulator, paths, waitedMs: () => clockMs - startedAtMs }
}

async function walk(simulator: Simulator, phoneNumber: string, withSms: unknown = true) {
  const response = await fetch(new URL('/phone/verify', simulator.phonePageUrl), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      phone_number: phoneNumber,
      network: 'cellular',
      with_attacker: false,
      with_sms: withSms,
    }),
  })
  const lines = (await response.text()).trimEnd().split('\n')
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  return { status: response.status, outcome: events.at(-1)?.outcome, events }
}

test('a walk that cannot verify silently ends verified by SMS, whose text the page gets', async (t) => {
  const { simulator, paths } = await openWorld((end) => t.teardown(end), { hasSms: true })
  const { outcome, events } = await walk(simulator, '+4930123456')
  t.hasStrict(outcome, { verified: true })
  const [message] = simulator.messages('+4930123456')
  t.strictSame(
    events.filter(({ type }) => type === 'sms'),
    [{ type: 'sms', text: message?.text }],
  )
  t.strictSame(paths, ['/v1/network-enablement', '/v1/sms-verification', '/v1/number-verification'])
})

test('a late SMS is waited for, and one that never comes is given up', async (t) => {
  const { simulator, waitedMs } = await openWorld((end) => t.teardown(end), { hasSms: true })
  t.hasStrict((await walk(simulator, '+447700900261')).outcome, { verified: true })
  t.equal(waitedMs(), 20_000)
  const never = await walk(simulator, '+447700900260')
  t.hasStrict(never.outcome, { code: 'network_not_supported' })
})

test('a wrong code is typed three times, and no more', async (t) => {
  const { simulator, paths } = await openWorld((end) => t.teardown(end), { hasSms: true })
  const { outcome } = await walk(simulator, '+447700900262')
  t.hasStrict(outcome, { code: 'code_rejected' })
  t.equal(paths.filter((path) => path === '/v1/number-verification').length, 3)
})

test('a service that asks again for ever is not asked a fourth time', async (t) => {
  const { simulator, paths } = await openWorld((end) => t.teardown(end), { hasSms: true, asksForEver: true })
  t.hasStrict((await walk(simulator, '+447700900262')).outcome, { code: 'wrong_code' })
  t.equal(paths.filter((path) => path === '/v1/number-verification').length, 3)
})

test('without SMS at the service, or when nobody wants one, the silent outcome stays', async (t) => {
  const { simulator, paths } = await openWorld((end) => t.teardown(end), { hasSms: false })
  for (const withSms of [true, false]) {
    const { outcome } = await walk(simulator, '+4930123456', withSms)
    t.hasStrict(outcome, { code: 'network_not_supported' })
  }
  t.equal(paths.filter((path) => path === '/v1/sms-verification').length, 1)
  t.equal((await walk(simulator, '+4930123456', 'yes')).status, 400)
})

test('the page gets the numbers of Verify v2', async (t) => {
  const simulator = await startTestSimulator()
  const response = await fetch(new URL('/phone/verify-numbers', simulator.phonePageUrl))
  const [first] = (await response.json()) as object[]
  t.hasStrict(first, { number: '+447700900200', step: 'start', rule: false })
})
