/** The start: what the core is asked, what the phone gets, and which bodies never reach the core. */

import { once } from 'node:events'
import { connect } from 'node:net'
import { beforeEach, t as file, type Test, test } from 'tap'
import type { FailureCode } from '../../../src/core/failures.ts'
import { openCalmServer } from '../../support/calm-server.ts'
import { contentTypes } from '../../support/content-types.ts'
import { fail } from '../../support/must.ts'
import { assertProblem, assertSafeHeaders } from '../../support/problem.ts'
import { appHeaders, authUrl, startPath, startWith } from '../../support/public-server.ts'
import { call, requestBytes } from '../../support/raw-http.ts'
import { callerOf } from '../../support/unobserved.ts'

const { url, starts, forget } = await openCalmServer(file)
beforeEach(forget)

const number = '+99012345678'

/** Sends a body as it stands, and expects that the core hears nothing of it. */
async function refused(t: Test, body: string, code: FailureCode = 'invalid_request') {
  const problem = assertProblem(t, await call(url, startWith(body)), code)
  t.strictSame(starts, [])
  return problem
}

test('a start is answered with exactly the URL and whether the carrier network is needed', async (t) => {
  const answer = await call(url, startWith({ phone_number: number }))
  t.equal(answer.status, 200)
  t.equal(answer.body, JSON.stringify({ auth_url: authUrl, requires_carrier_network: true }))
  t.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8')
  assertSafeHeaders(t, answer)
})

test('nothing else that the core may know is in the answer', async (t) => {
  const server = await openCalmServer(t, {
    verification: {
      async start() {
        return {
          authUrl,
          requiresCarrierNetwork: false,
          state: 'canary',
          code: 'canary',
          phoneNumber: number,
        }
      },
      land: () => {},
      finish: () => fail('a start finishes nothing'),
    },
  })
  const { body } = await call(server.url, startWith({ phone_number: number }))
  t.strictSame(JSON.parse(body), { auth_url: authUrl, requires_carrier_network: false })
})

test('the core gets the caller of the token, the number as it came, and the scope only when there is one', async (t) => {
  await call(url, startWith({ phone_number: number }))
  await call(url, startWith({ phone_number: 'not a number', scope: 'a b#c' }))
  t.strictSame(starts, [
    { caller: callerOf('alice'), request: { phoneNumber: number } },
    { caller: callerOf('alice'), request: { phoneNumber: 'not a number', scope: 'a b#c' } },
  ])
})

const wrongTypes = ['7', 'true', 'null', '["+99012345678"]', '{"a":"+99012345678"}', '99012345678', '1e3']

for (const value of wrongTypes)
  test(`a phone_number or scope that is ${value} is refused, never converted`, async (t) => {
    const { errors } = await refused(t, `{"phone_number":${value}}`)
    t.strictSame(
      errors?.map(({ pointer }) => pointer),
      ['/phone_number'],
    )
    await refused(t, `{"phone_number":"${number}","scope":${value}}`)
  })

const badBodies: Record<string, string> = {
  'no JSON': '+99012345678',
  'cut off': '{"phone_number":"+990',
  'two documents': '{"phone_number":"+99012345678"}{}',
  'a trailing comma': '{"phone_number":"+99012345678",}',
  'single quotes': "{'phone_number':'+99012345678'}",
  'a form': 'phone_number=%2B99012345678',
  'a text': '"+99012345678"',
  'a number': '99012345678',
  'a list': '[{"phone_number":"+99012345678"}]',
  null: 'null',
  true: 'true',
  'an empty object': '{}',
  'an empty list': '[]',
  'a space': ' ',
  'deeply nested': `${'['.repeat(2000)}${']'.repeat(2000)}`,
  'a name in another case': '{"Phone_Number":"+99012345678"}',
  'a name in camel case': '{"phoneNumber":"+99012345678"}',
  'a state': '{"phone_number":"+99012345678","state":"x"}',
  'an unknown member': '{"phone_number":"+99012345678","verified":true}',
  'an empty name': '{"phone_number":"+99012345678","":1}',
  'a poisoned prototype': '{"phone_number":"+99012345678","__proto__":{"verified":true}}',
  'a prototype in escapes': '{"phone_number":"+99012345678","\\u005f_proto__":{"verified":true}}',
  'a prototype instead of members': '{"__proto__":{"phone_number":"+99012345678"}}',
  'a poisoned constructor': '{"phone_number":"+99012345678","constructor":{"prototype":{"verified":true}}}',
  'a member twice, then wrong': '{"phone_number":"+99012345678","phone_number":7}',
}

for (const [kind, body] of Object.entries(badBodies))
  test(`a body that is or has ${kind} is refused`, async (t) => {
    await refused(t, body)
    t.equal(({} as { verified?: boolean }).verified, undefined)
  })

test('of a member that comes twice, the one that was checked is the one that is used', async (t) => {
  await call(url, startWith('{"phone_number":7,"phone_number":"+99011111111"}'))
  t.strictSame(
    starts.map(({ request }) => request.phoneNumber),
    ['+99011111111'],
  )
})

test('a start without a body is refused, with a type and without one', async (t) => {
  for (const headers of [appHeaders, { authorization: appHeaders.authorization }])
    for (const length of [undefined, '0']) {
      const request = { method: 'POST', target: startPath, headers: { ...headers, 'content-length': length } }
      assertProblem(t, await call(url, request), 'invalid_request')
    }
  t.strictSame(starts, [])
})

for (const contentType of contentTypes)
  test(`a bad body with Content-Type ${JSON.stringify(contentType)} never reaches the core`, async (t) => {
    for (const body of ['{"phone_number":7}', '{"phone_number":"+99012345678","admin":true}', 'nonsense']) {
      const headers = { ...appHeaders, 'content-type': contentType }
      const answer = await call(url, { ...startWith(body), headers })
      assertProblem(t, answer, answer.status === 415 ? 'unsupported_media_type' : 'invalid_request')
    }
    t.strictSame(starts, [])
  })

const good = JSON.stringify({ phone_number: number })

for (const contentType of [
  'text/plain',
  'application/x-www-form-urlencoded',
  'text/json',
  'application/jsonx',
  undefined,
])
  test(`a good body with Content-Type ${contentType} is an unsupported media type`, async (t) => {
    const headers = { ...appHeaders, 'content-type': contentType }
    assertProblem(t, await call(url, { ...startWith(good), headers }), 'unsupported_media_type')
    t.strictSame(starts, [])
  })

for (const contentType of ['application/json', 'application/json; charset=utf-8', 'Application/JSON'])
  test(`a good body with Content-Type ${contentType} is a start`, async (t) => {
    const headers = { ...appHeaders, 'content-type': contentType }
    t.equal((await call(url, { ...startWith(good), headers })).status, 200)
  })

test('the work for a start ends when the phone leaves before its answer', async (t) => {
  const reached = Promise.withResolvers<AbortSignal>()
  const never = Promise.withResolvers<never>()
  const server = await openCalmServer(t, {
    verification: {
      start(_caller, _request, _correlation, work) {
        reached.resolve(work.signal)
        return never.promise
      },
      land: () => {},
      finish: () => fail('a start finishes nothing'),
    },
  })
  const client = connect(Number(new URL(server.url).port), '127.0.0.1')
  client.write(requestBytes(startWith({ phone_number: number })))
  const callerGone = await reached.promise
  t.equal(callerGone.aborted, false)
  client.destroy()
  if (!callerGone.aborted) await once(callerGone, 'abort')
  never.reject(new Error('nobody listens'))
})
