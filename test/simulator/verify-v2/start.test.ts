/**
 * The calls of Verify v2 at the operator: who may send them, how often, and with what in them.
 */

import { test } from 'tap'
import { applicationJwt, startTestSimulator } from '../harness.ts'
import { call, workflowOf } from './harness.ts'

const simulator = await startTestSimulator()
const sms = { channel: 'sms', to: '4930123456' }
const silent = { channel: 'silent_auth', to: '4930123456' }
const good = { brand: 'Acme', workflow: [sms] }

const REFUSED: Record<string, [body: unknown, ...names: string[]]> = {
  'an empty body': [{}, 'brand', 'workflow'],
  'a body that is a list': [[], 'brand', 'workflow'],
  'an empty brand': [{ ...good, brand: '' }, 'brand'],
  'a brand of 19 characters': [{ ...good, brand: 'x'.repeat(19) }, 'brand'],
  'a brand with a slash': [{ ...good, brand: 'a/b' }, 'brand'],
  'a brand with an opening brace': [{ ...good, brand: 'a{b' }, 'brand'],
  'a brand with a closing brace': [{ ...good, brand: 'a}b' }, 'brand'],
  'a brand with a colon': [{ ...good, brand: 'a:b' }, 'brand'],
  'a brand with a dollar sign': [{ ...good, brand: 'a$b' }, 'brand'],
  'no step': [{ ...good, workflow: [] }, 'workflow'],
  'four steps': [{ ...good, workflow: [sms, sms, sms, sms] }, 'workflow'],
  'a workflow that is no list': [{ ...good, workflow: sms }, 'workflow'],
  'a step that is no object': [{ ...good, workflow: ['sms'] }, 'workflow[0]'],
  'a channel that is not known': [{ ...good, workflow: [{ ...sms, channel: 'fax' }] }, 'workflow[0]'],
  'silent authentication in the second place': [{ ...good, workflow: [sms, silent] }, 'workflow[1]'],
  'a number with a plus sign': [{ ...good, workflow: [{ ...sms, to: '+4930123456' }] }, 'workflow[0]'],
  'a step without a number': [{ ...good, workflow: [{ channel: 'sms' }] }, 'workflow[0]'],
  'a wrong app_hash': [{ ...good, workflow: [{ ...sms, app_hash: 'short' }] }, 'workflow[0]'],
  'an empty sender': [{ ...good, workflow: [{ ...sms, from: '' }] }, 'workflow[0]'],
  'a member of another channel': [{ ...good, workflow: [{ ...silent, from: 'Acme' }] }, 'workflow[0]'],
  'a coverage_check that is no boolean': [
    { ...good, workflow: [{ ...silent, coverage_check: 1 }] },
    'workflow[0]',
  ],
  'a code of 3 digits': [{ ...good, code_length: 3 }, 'code_length'],
  'a code of 11 digits': [{ ...good, code_length: 11 }, 'code_length'],
  'a code length that is text': [{ ...good, code_length: '6' }, 'code_length'],
  'a timeout of 14 s': [{ ...good, channel_timeout: 14 }, 'channel_timeout'],
  'a timeout of 901 s': [{ ...good, channel_timeout: 901 }, 'channel_timeout'],
  'a locale that is none': [{ ...good, locale: 'english' }, 'locale'],
  'a client_ref with a dash': [{ ...good, client_ref: 'a-b' }, 'client_ref'],
  'a fraud_check that is no boolean': [{ ...good, fraud_check: 'no' }, 'fraud_check'],
  'a member that is not known': [{ ...good, state: 'x' }, 'state'],
  'an SMS to the virtual operator': [workflowOf('+99012345678', ['sms']), 'workflow'],
  'two steps at the virtual operator': [workflowOf('+99012345678'), 'workflow'],
}

for (const [name, [body, ...expected]] of Object.entries(REFUSED)) {
  test(`refuses ${name}`, async (t) => {
    const answer = await call(simulator, '', body)
    t.equal(answer.status, 422)
    t.match(answer.headers.get('content-type') ?? '', /^application\/problem\+json/)
    const { type, invalid_parameters, ...problem } = answer.body as Record<string, unknown>
    t.match(String(type), /#invalid-params$/)
    t.strictSame(Object.keys(problem), ['title', 'detail', 'instance'])
    t.strictSame(
      (invalid_parameters as Array<{ name: string }>).map((parameter) => parameter.name),
      expected,
    )
  })
}

test('takes everything that is documented', async (t) => {
  const answer = await call(simulator, '', {
    brand: 'Acme Bank & Co 18',
    workflow: [silent, { ...sms, from: 'Acme', app_hash: 'ABC123def45' }, sms],
    code_length: 10,
    channel_timeout: 900,
    locale: 'en-us',
    client_ref: 'abc123',
    fraud_check: false,
  })
  t.equal(answer.status, 202)
  t.strictSame(Object.keys(answer.body ?? {}), ['request_id', 'check_url'])
  const { request_id, check_url } = answer.body ?? {}
  t.equal(check_url, `${simulator.operatorUrl}/v2/verify/${request_id}/silent-auth/redirect`)
})

test('refuses bad JSON, and an address with a slash at the end', async (t) => {
  t.equal((await call(simulator, '', '{"brand":')).text, '400 invalid-params')
  t.equal((await call(simulator, '/', good)).status, 404)
})

test('refuses a check whose code is missing, too short or too long, without spending an attempt', async (t) => {
  const phoneNumber = '+4930200001'
  const started = await call(simulator, '', workflowOf(phoneNumber, ['sms']))
  const path = `/${started.body?.request_id}`
  for (const code of [undefined, 1234, 'abc', 'x'.repeat(11)])
    t.equal((await call(simulator, path, { code })).text, '422 code')
  const [message] = simulator.messages(phoneNumber)
  t.equal((await call(simulator, path, { code: message?.code })).status, 200)
})

test('every call needs a good application JWT', async (t) => {
  const expired = await applicationJwt(simulator, { claims: { iat: 1 } })
  for (const [path, method] of [
    ['', 'POST'],
    ['/some-id', 'POST'],
    ['/some-id/next_workflow', 'POST'],
    ['/some-id', 'DELETE'],
  ] as const) {
    const body = method === 'POST' ? good : undefined
    const without = await call(simulator, path, body, { method, authorization: '' })
    t.equal(without.text, '401 unauthorized')
    const late = await call(simulator, path, body, { method, authorization: expired })
    t.equal(late.text, '401 jwt-expired')
    t.equal((await call(simulator, path, path ? { code: '1234' } : {}, { method })).status < 500, true)
  }
  t.equal((await call(simulator, '/some-id', { code: '1234' })).text, '404 request-not-found')
  t.equal((await call(simulator, '/some-id/next_workflow')).text, '404 request-not-found')
})

test('starts count against the quota of the account, and checks do not', async (t) => {
  const narrow = await startTestSimulator({ requestsPerSecond: 1, now: () => Date.parse('2030-01-01') })
  const authorization = await applicationJwt(narrow, { claims: { iat: Date.parse('2030-01-01') / 1000 } })
  const first = await call(narrow, '', workflowOf('+4930300001'), { authorization })
  t.equal(first.status, 202)
  const second = await call(narrow, '', workflowOf('+4930300002'), { authorization })
  t.equal(second.text, '429 throttled')
  t.equal(second.headers.get('retry-after'), '1')
  const check = await call(narrow, `/${first.body?.request_id}`, { code: '0000' }, { authorization })
  t.equal(check.text, '410 expired')
})
