/**
 * The whole service, both listeners, against what HTTP lets an attacker try: nothing is smuggled in, no header talks its way
 * past a guard, and Vonage hears of none of it.
 */

import { t as file, test } from 'tap'
import { openService } from '../../src/compose.ts'
import { parseConfig } from '../../src/config.ts'
import { brokenFirstRequests } from '../support/framing.ts'
import { confirm } from '../support/must.ts'
import { assertProblem } from '../support/problem.ts'
import { finishPath, startPath } from '../support/public-server.ts'
import { call, callWhenCalm, requestBytes, speak } from '../support/raw-http.ts'
import { goodAuthorization, goodStart, openUpstream, settingsFor, unlimited } from '../support/upstream.ts'

const upstream = await openUpstream(file)
const { url, managementUrl, close } = await openService(
  parseConfig(settingsFor(upstream, { ...unlimited, LOG_LEVEL: 'silent' })),
)
file.teardown(() => close())

const start = goodStart(upstream)
const json = { authorization: goodAuthorization(upstream), 'content-type': 'application/json' }
/** Requests that Vonage got. */
const askedOfVonage = () => upstream.paths().filter((path) => path === '/v0.1/network-enablement').length

test('the start that stands behind the broken requests is good', async (t) => {
  t.equal((await callWhenCalm(url, start)).status, 200)
  t.equal(askedOfVonage(), 1)
})

for (const [what, bytes] of Object.entries(brokenFirstRequests))
  test(`a first request with ${what} is refused, and what stands behind it is never served`, async (t) => {
    const asked = askedOfVonage()
    for (const listener of [url, managementUrl]) {
      const answers = await speak(listener, Buffer.from(bytes + requestBytes(start), 'latin1'))
      // The head of some is whole: its method is refused before its body is read.
      const refusal = answers.at(-1)
      confirm(t, refusal)
      assertProblem(t, refusal, refusal.status === 405 ? 'method_not_allowed' : 'invalid_request')
      t.equal(refusal.headers.get('connection'), 'close')
      // Where the head is whole it is answered, and what is broken behind it may be as well.
      t.ok(answers.length <= 2 && answers.every(({ status }) => status === 400 || status === 405))
    }
    // Had one been let in, it would have come to Vonage before this one.
    t.equal((await callWhenCalm(url, start)).status, 200)
    t.equal(askedOfVonage(), asked + 1)
  })

test('there are at least 80 of them', async (t) => {
  t.ok(Object.keys(brokenFirstRequests).length >= 80)
})

/** Names under which some servers take another method, path, host or client than the request's own. */
const overriding: Record<string, string> = {
  'x-http-method-override': 'POST',
  'x-http-method': 'POST',
  'x-method-override': 'POST',
  'x-original-url': '/livez',
  'x-original-uri': '/livez',
  'x-rewrite-url': '/livez',
  'x-override-url': '/livez',
  'x-forwarded-uri': '/livez',
  'x-forwarded-path': '/livez',
  'x-forwarded-prefix': '/livez',
  'x-envoy-original-path': '/livez',
  'x-forwarded-method': 'GET',
  'x-forwarded-host': 'other.example',
  'x-host': 'other.example',
  'x-forwarded-server': 'other.example',
  'x-forwarded-proto': 'http',
  'x-forwarded-user': 'alice',
  'x-remote-user': 'alice',
  'x-user': 'alice',
  'x-internal-request': 'true',
  forwarded: 'for=127.0.0.1;host=other.example;proto=http',
  'user-agent': 'kube-probe/1.31',
  cookie: 'authorization=Bearer%20a',
  'proxy-authorization': json.authorization,
  'x-authorization': json.authorization,
  'accept-version': '2.x',
}

for (const [name, value] of Object.entries(overriding))
  test(`${name} is no way to another method, path, host or caller`, async (t) => {
    const headers = { 'content-type': 'application/json', [name]: value }
    const body = '{"phone_number":"+99012345678"}'
    const asked = askedOfVonage()
    for (const target of [startPath, finishPath]) {
      assertProblem(t, await callWhenCalm(url, { method: 'POST', target, headers, body }), 'missing_token')
      assertProblem(t, await call(url, { target, headers }), 'method_not_allowed')
    }
    for (const target of [`${startPath}?access_token=a`, `${startPath}?_method=GET`])
      assertProblem(t, await callWhenCalm(url, { method: 'POST', target, headers, body }), 'missing_token')
    assertProblem(t, await call(url, { target: '/nowhere', headers }), 'not_found')
    t.equal((await call(url, { target: '/livez', headers })).status, 200)
    t.equal(askedOfVonage(), asked)
  })

/** JSON texts that are no phone number, though some come close. */
const notNumbers = [
  '""',
  '"+"',
  '" "',
  '"99012345678"',
  '"0099012345678"',
  '"++99012345678"',
  '"+099012345678"',
  '"+990123"',
  '"+9901234567890123"',
  '" +99012345678"',
  '"+99012345678 "',
  '"+99012345678\\n"',
  '"+99012345678\\u0000"',
  '"+990 1234 5678"',
  '"+990-1234-5678"',
  '"(+990)12345678"',
  '"tel:+99012345678"',
  '"+99012345678;ext=1"',
  '"+99012345678,+99087654321"',
  '"\\uff0b99012345678"',
  '"+\\u0669\\u0669\\u0660\\u0661\\u0662\\u0663\\u0664\\u0665\\u0666"',
  '"+9901234567\\uff18"',
  '"\\u202e+99012345678"',
  '"+99012345678\\u200b"',
  '"+990\\ud800"',
  '"\\udc00\\ud800"',
  '"+9.9e10"',
  '"+0x170E5D4E"',
  '"+99012345678/../"',
  '"__proto__"',
  `"+${'9'.repeat(4000)}"`,
]

for (const text of notNumbers)
  test(`the phone_number ${text.slice(0, 40)} is not sent to Vonage`, async (t) => {
    const asked = askedOfVonage()
    const answer = await callWhenCalm(url, { ...start, body: `{"phone_number":${text}}` })
    assertProblem(t, answer, 'invalid_phone_number')
    t.equal(askedOfVonage(), asked)
  })

/** JSON values of the wrong type, for every member. */
const wrongTypes = [
  '7',
  '-0',
  '1e400',
  '99012345678',
  '9'.repeat(400),
  '0.1',
  'true',
  'null',
  '[]',
  '{}',
  '["+99012345678"]',
  '{"toString":"+99012345678"}',
  '{"length":43}',
  `${'['.repeat(1500)}${']'.repeat(1500)}`,
  `${'{"a":'.repeat(600)}1${'}'.repeat(600)}`,
]

for (const value of wrongTypes)
  test(`a member that is ${value.slice(0, 40)} is refused, never converted`, async (t) => {
    const asked = upstream.requests.length
    const bodies = [
      [startPath, `{"phone_number":${value}}`],
      [startPath, `{"phone_number":"+99012345678","scope":${value}}`],
      [finishPath, `{"code":${value},"state":"${'s'.repeat(43)}"}`],
      [finishPath, `{"code":"a-code","state":${value}}`],
    ] as const
    for (const [target, body] of bodies)
      assertProblem(
        t,
        await callWhenCalm(url, { method: 'POST', target, headers: json, body }),
        'invalid_request',
      )
    t.equal(upstream.requests.length, asked)
  })
