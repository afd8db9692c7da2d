/**
 * Verify v2 at the operator from the start to the answer: every row of its numbers table, and the rules of each step.
 */

import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { type Test, test } from 'tap'
import { numbersAsMarkdown } from '../../../simulator/numbers.ts'
import { findVerifyNumberRow, verifyNumbers } from '../../../simulator/verify-v2/numbers.ts'
import { startTestSimulator } from '../harness.ts'
import { EXPECTED } from './expected-outcomes.ts'
import { call, openCheckUrl, workflowOf } from './harness.ts'

const sleptMs: number[] = []
let clockMs = Date.now()
const simulator = await startTestSimulator({
  now: () => clockMs,
  sleep: async (durationMs) => sleptMs.push(durationMs),
})

/** A number that nobody used yet, which the rule for any other number decides. */
let used = 0
function freshNumber(): string {
  used += 1
  return `+4930${1_000_000 + used}`
}

async function begin(t: Test, phoneNumber = freshNumber(), channels?: string[]) {
  const { status, body } = await call(simulator, '', workflowOf(phoneNumber, channels))
  t.equal(status, 202)
  return { phoneNumber, id: `/${body?.request_id}`, checkUrl: String(body?.check_url) }
}

function lastCodeTo(phoneNumber: string): string {
  return simulator.messages(phoneNumber).at(-1)?.code ?? ''
}

/** Runs a workflow as far as it goes, by SMS where the silent step gives no code, and says how it ended. */
async function observe(phoneNumber: string): Promise<string> {
  sleptMs.length = 0
  const { step } = findVerifyNumberRow(phoneNumber)
  const channels = phoneNumber.startsWith('+990') ? ['silent_auth'] : undefined
  const startBody = workflowOf(phoneNumber, channels)
  const started = await call(simulator, '', startBody)
  if (started.text === 'cut') return `start cut, again: ${(await call(simulator, '', startBody)).text}`
  const { request_id, check_url } = started.body ?? {}
  if (started.status !== 202 || !request_id) return `start ${started.text}`
  if (check_url && !check_url.startsWith(simulator.operatorUrl)) return `start 202 check_url ${check_url}`
  if (!check_url) return `start 202 without check_url, ${await observeSms(phoneNumber, request_id)}`
  if (step === 'next' || step === 'sms') return observeSms(phoneNumber, request_id, step)

  const opened = await openCheckUrl(check_url)
  if (!opened.body?.code) {
    const end = channels ? '' : `, ${await observeSms(phoneNumber, request_id, 'next')}`
    return `device ${opened.text}${end}`
  }
  const checked = await call(simulator, `/${request_id}`, { code: opened.body.code })
  const late = sleptMs.map((durationMs) => `late ${durationMs}, `).join('')
  if (checked.text !== 'cut') return `${late}silent: ${checked.text}`
  const again = await call(simulator, `/${request_id}`, { code: opened.body.code })
  return `silent: cut, again: ${again.text}`
}

/** Goes on to the SMS if it is not on its way already, and types its code. */
async function observeSms(phoneNumber: string, requestId: string, step?: string): Promise<string> {
  let before = ''
  if (step) {
    const moved = await call(simulator, `/${requestId}/next_workflow`)
    if (moved.status !== 200) {
      const again = await call(simulator, `/${requestId}/next_workflow`)
      before = `next ${moved.text}, again: ${again.status === 200 ? '200' : again.text}, `
    }
    before += sleptMs.map((durationMs) => `late ${durationMs}, `).join('')
  }
  if (simulator.messages(phoneNumber).length === 0) {
    clockMs += 20_000
    before += 'sms: no message'
    if (simulator.messages(phoneNumber).length === 0) return before
    before += ', after 20 s: '
  } else {
    before += 'sms: '
  }
  const checked = await call(simulator, `/${requestId}`, { code: lastCodeTo(phoneNumber) })
  return `${before}${checked.text}`
}

test('every row of the table of Verify v2 has an expectation here', async (t) => {
  t.strictSame(Object.keys(EXPECTED).sort(), verifyNumbers.map(({ example }) => example).sort())
})

for (const { example, number, step, description } of verifyNumbers) {
  test(`${number}: ${step}, ${description}`, async (t) => {
    t.equal(await observe(example), EXPECTED[example])
  })
}

test('each row decides its example, and the README has the table', async (t) => {
  for (const row of verifyNumbers) t.equal(findVerifyNumberRow(row.example), row)
  const readme = readFileSync(new URL('../../../simulator/verify-v2/README.md', import.meta.url), 'utf8')
  const table = numbersAsMarkdown(verifyNumbers)
  t.ok(readme.includes(table), `replace the table by:\n${table}`)
})

test('a network without silent authentication is refused when there is no further step', async (t) => {
  const alone = workflowOf('+447700900200', ['silent_auth'])
  t.equal((await call(simulator, '', alone)).text, '412 precondition-failed')
  const unchecked = {
    brand: 'Acme',
    workflow: [{ channel: 'silent_auth', to: '447700900200', coverage_check: false }],
  }
  const started = await call(simulator, '', unchecked)
  t.equal(started.status, 202)
  const opened = await openCheckUrl(String(started.body?.check_url))
  t.equal(opened.text, '412 precondition-failed')
})

test('a device on Wi-Fi gets a problem, and one whose first hop says nothing comes over cellular', async (t) => {
  const { checkUrl } = await begin(t)
  const wifi = await openCheckUrl(checkUrl, { 'x-simulated-network': 'wifi' })
  t.equal(wifi.text, '412 precondition-failed')
  t.equal((await openCheckUrl(`${checkUrl}?network=wifi`)).text, '412 precondition-failed')
  t.equal((await openCheckUrl(`${checkUrl}?network=satellite`)).text, '404 request-not-found')
  t.equal((await openCheckUrl(checkUrl)).status, 200)
})

test('a device gets the code over hops of the carrier, in bytes that Vonage’s iOS library reads', async (t) => {
  const { id, checkUrl } = await begin(t)
  const paths: string[] = []
  let url = checkUrl
  for (;;) {
    const response = await fetch(url, { redirect: 'manual' })
    paths.push(new URL(url).pathname)
    if (response.status === 200) break
    t.equal(response.status, 302)
    url = response.headers.get('location') ?? ''
    if (url.includes('/result')) break
  }
  t.strictSame(paths, [`/v2/verify${id}/silent-auth/redirect`, '/carrier/line'])
  const raw = await readRaw(url)
  const [head = '', body = ''] = raw.split('\r\n\r\n')
  t.match(head, /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/json\r\nContent-Length: \d+\r\n/)
  t.match(head, /\r\nConnection: close$|\r\nConnection: close\r\n/)
  t.match(body, /^\{"request_id":"[0-9a-f-]{36}","code":"[a-zA-Z0-9]{6}"\}$/)
  // The session of a device is over with its answer.
  t.match(await readRaw(url), /^HTTP\/1\.1 404 [\s\S]*\r\nContent-Type: application\/problem\+json\r\n/)
  t.equal((await openCheckUrl(`${simulator.operatorUrl}/carrier/line?session=x`)).status, 404)
})

test('a silent code is taken once, and a wrong one ends the verification', async (t) => {
  const { id, checkUrl } = await begin(t)
  const { body } = await openCheckUrl(checkUrl)
  const checked = await call(simulator, id, { code: body?.code })
  t.strictSame(checked.body, { request_id: id.slice(1), status: 'completed' })
  t.equal((await call(simulator, id, { code: body?.code })).text, '404 request-not-found')
  t.equal((await openCheckUrl(checkUrl)).status, 404)

  const guessed = await begin(t)
  t.equal((await call(simulator, guessed.id, { code: 'guess' })).text, '410 expired')
  t.equal((await call(simulator, guessed.id, { code: 'guess' })).text, '410 expired')
  t.equal((await call(simulator, `${guessed.id}/next_workflow`)).text, '410 expired')
})

test('a code of an SMS may be wrong twice, and a third time ends the verification', async (t) => {
  for (const [wrongTimes, last] of [
    [2, '200 completed'],
    [3, '410 expired'],
  ] as const) {
    const { id, phoneNumber } = await begin(t, freshNumber(), ['sms'])
    const code = lastCodeTo(phoneNumber)
    const wrong = code === '0000' ? '1111' : '0000'
    const answers = []
    for (let i = 0; i < wrongTimes; i += 1) answers.push((await call(simulator, id, { code: wrong })).text)
    t.strictSame(answers, ['400 invalid-code', '400 invalid-code', '410 expired'].slice(0, wrongTimes))
    t.equal((await call(simulator, id, { code })).text, last)
  }
})

test('parallel wrong codes spend three attempts together', async (t) => {
  const { id } = await begin(t, freshNumber(), ['sms'])
  const answers = await Promise.all(Array.from({ length: 10 }, () => call(simulator, id, { code: 'wrong' })))
  t.equal(answers.filter(({ text }) => text === '400 invalid-code').length, 2)
  t.equal(answers.filter(({ text }) => text === '410 expired').length, 8)
})

test('a number has one verification at a time, until it is over', async (t) => {
  const { id, phoneNumber } = await begin(t)
  const again = () => call(simulator, '', workflowOf(phoneNumber))
  t.equal((await again()).text, '409 concurrent')
  clockMs += 30_000
  t.equal((await call(simulator, id, undefined, { method: 'DELETE' })).status, 204)
  t.equal((await again()).status, 202)
})

test('a verification is cancelled from 30 s on and before its second step', async (t) => {
  const cancel = (id: string) => call(simulator, id, undefined, { method: 'DELETE' })
  const { id } = await begin(t)
  clockMs += 29_999
  t.equal((await cancel(id)).status, 404)
  clockMs += 1
  t.equal((await cancel(id)).status, 204)
  t.equal((await cancel(id)).status, 404)
  const moved = await begin(t)
  await call(simulator, `${moved.id}/next_workflow`)
  clockMs += 30_000
  t.equal((await cancel(moved.id)).status, 404)
})

test('after 60 s the silent step goes on to the SMS by itself, and the device’s code is of no use', async (t) => {
  const { id, phoneNumber, checkUrl } = await begin(t)
  const { body } = await openCheckUrl(checkUrl)
  clockMs += 59_999
  t.strictSame(simulator.messages(phoneNumber), [])
  clockMs += 1
  t.equal(simulator.messages(phoneNumber).length, 1)
  t.equal((await openCheckUrl(checkUrl)).status, 404)
  t.equal((await call(simulator, `${id}/next_workflow`)).text, '409 no-next-step')
  t.equal((await call(simulator, id, { code: body?.code })).text, '400 invalid-code')
  t.equal((await call(simulator, id, { code: lastCodeTo(phoneNumber) })).text, '200 completed')
})

test('a step without a successor ends with its time', async (t) => {
  const silent = await begin(t, freshNumber(), ['silent_auth'])
  const sms = await call(simulator, '', {
    ...workflowOf(freshNumber(), ['sms']),
    channel_timeout: 15,
  })
  clockMs += 15_000
  t.equal((await call(simulator, `/${sms.body?.request_id}`, { code: '0000' })).status, 404)
  clockMs += 45_000
  t.equal((await openCheckUrl(silent.checkUrl)).status, 404)
  t.equal((await call(simulator, silent.id, { code: 'abcdef' })).text, '404 request-not-found')
})

test('an SMS carries the brand and a code of the length asked for', async (t) => {
  const phoneNumber = freshNumber()
  await call(simulator, '', { ...workflowOf(phoneNumber, ['sms']), code_length: 8, locale: 'de-de' })
  const [message] = simulator.messages(phoneNumber)
  t.match(message?.code ?? '', /^\d{8}$/)
  t.equal(message?.text, `Your Acme code is: ${message?.code}`)
  t.strictSame(simulator.messages('+4930999'), [])
})

test('the log of hops shows neither the id of a request nor its code nor the number', async (t) => {
  const before = simulator.hops.count('/v2/verify/{request_id}')
  const { id, phoneNumber, checkUrl } = await begin(t)
  const { body } = await openCheckUrl(checkUrl)
  await call(simulator, id, { code: body?.code })
  t.equal(simulator.hops.count('/v2/verify/{request_id}'), before + 1)
  const hops = simulator.hops.list().slice(-5)
  t.strictSame(
    hops.map(({ from, to, method, path, status }) => `${from} ${to} ${method} ${path} ${status}`),
    [
      'service vonage POST /v2/verify 202',
      'device vonage GET /v2/verify/{request_id}/silent-auth/redirect 302',
      'device carrier GET /carrier/line 302',
      'device vonage GET /v2/verify/{request_id}/silent-auth/result 200',
      'service vonage POST /v2/verify/{request_id} 200',
    ],
  )
  const log = JSON.stringify(hops)
  for (const secret of [id.slice(1), String(body?.code), phoneNumber.slice(1)])
    t.equal(log.includes(secret), false)
})

/** A GET on a socket of its own, as bytes. */
async function readRaw(url: string): Promise<string> {
  const { hostname, port, pathname, search } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.end(`GET ${pathname}${search} HTTP/1.1\r\nHost: ${hostname}\r\n\r\n`)
  let text = ''
  for await (const chunk of socket) text += chunk
  return text
}
