/** The wire format of a start: the bytes of the request, and what each answer means. */

import { inspect } from 'node:util'
import { test } from 'tap'
import { type FailureCode, ServiceFailure } from '../../../src/core/failures.ts'
import { parsePhoneNumber } from '../../../src/core/phone-number.ts'
import type { AuthUrl } from '../../../src/core/ports.ts'
import {
  judgeNetworkEnablement,
  networkEnablementRequest,
} from '../../../src/vonage/network-enablement/wire.ts'
import type { Outcome } from '../../../src/vonage/route.ts'
import type { NoAnswer } from '../../../src/vonage/transport.ts'
import { rejectsWith } from '../../support/failure.ts'
import { confirm, must } from '../../support/must.ts'
import { traceparent } from '../../support/spans.ts'
import { correlation } from '../../support/unobserved.ts'

const scope = 'dpv:FraudPreventionAndDetection#number-verification-verify-read'
const authUrl = 'https://api-eu.vonage.com/oauth2/auth?client_id=1&state=v2_840e17a8'
const nowMs = Date.UTC(2026, 0, 1)
const policy = { hosts: ['*.vonage.com'], http: 'none' as const }

/** As a promise, so that a failure is one like any other. */
async function judge(outcome: Outcome): Promise<AuthUrl> {
  return judgeNetworkEnablement(outcome, scope, policy, nowMs)
}

function answer(status: number, body: unknown = '', headers: Record<string, string> = {}): Outcome {
  return { kind: 'answer', status, headers, text: typeof body === 'string' ? body : JSON.stringify(body) }
}

const entry = (value: unknown) => ({ scopes: { [scope]: value } })

test('the request', async (t) => {
  const phoneNumber = parsePhoneNumber('+99012345678')
  must(phoneNumber)
  const request = networkEnablementRequest({ phoneNumber, scope, state: 'a-state' }, 'a.j.wt', correlation)

  t.test('its body has exactly phone_number, scopes as an array, and state', async (t) => {
    t.equal(request.body, `{"phone_number":"+99012345678","scopes":["${scope}"],"state":"a-state"}`)
  })

  t.test('it goes on with the trace of its caller', async (t) => {
    const traced = { ...correlation, traceparent }
    const { headers } = networkEnablementRequest({ phoneNumber, scope, state: 'a-state' }, 'a.j.wt', traced)
    t.strictSame(headers, { ...request.headers, traceparent })
  })

  t.test('it is a POST with the JWT as a bearer token', async (t) => {
    t.equal(request.method, 'POST')
    t.equal(request.path, '/v0.1/network-enablement')
    t.strictSame(request.headers, {
      authorization: 'Bearer a.j.wt',
      'content-type': 'application/json',
    })
  })
})

test('an answer with a URL', async (t) => {
  const flags: [string, Record<string, unknown>, boolean][] = [
    ['true', { requires_carrier_network: true }, true],
    ['false', { requires_carrier_network: false }, false],
    ['absent', {}, true],
    ['null', { requires_carrier_network: null }, true],
  ]
  for (const [what, members, requiresCarrierNetwork] of flags) {
    t.test(`with requires_carrier_network ${what} means ${requiresCarrierNetwork}`, async (t) => {
      t.strictSame(await judge(answer(200, entry({ auth_url: authUrl, ...members }))), {
        authUrl,
        requiresCarrierNetwork,
      })
    })
  }

  const tolerated: Record<string, unknown> = {
    'members that nobody knows': entry({ auth_url: authUrl, app_url: null, future: { a: [1] } }),
    'other scopes, good or bad': {
      scopes: { other: { error: {} }, [scope]: { auth_url: authUrl }, third: 'nonsense' },
      future: true,
    },
    'an error of null': entry({ auth_url: authUrl, error: null }),
    'a byte order mark before the JSON': `\uFEFF${JSON.stringify(entry({ auth_url: authUrl }))}`,
    'spaces around the JSON': ` ${JSON.stringify(entry({ auth_url: authUrl }))}\r\n`,
  }
  for (const [what, body] of Object.entries(tolerated)) {
    t.test(`passes with ${what}`, async (t) => {
      t.equal((await judge(answer(200, body))).authUrl, authUrl)
    })
  }

  t.test('hands the URL out exactly as it came', async (t) => {
    const odd = 'https://API-EU.vonage.com:8443/a/../b?x=%7e&y=a+b'
    t.equal((await judge(answer(200, entry({ auth_url: odd })))).authUrl, odd)
  })
})

const good = JSON.stringify(entry({ auth_url: authUrl }))
const error = {
  title: 'Forbidden',
  instance: '1',
  detail: 'not on the allowlist',
  error_type: 'UNAUTHORIZED',
}

const bodies: [string, FailureCode, unknown][] = [
  ['the documented error', 'network_not_supported', entry({ error })],
  ['an error beside a URL', 'network_not_supported', entry({ auth_url: authUrl, error })],
  ['an error of another form', 'network_not_supported', entry({ error: 'Forbidden' })],
  ['no URL', 'network_not_supported', entry({ requires_carrier_network: true })],
  ['an empty entry', 'network_not_supported', entry({})],
  ['a URL of null', 'network_not_supported', entry({ auth_url: null, app_url: null })],
  ['an empty URL', 'network_not_supported', entry({ auth_url: '' })],
  ['no scope', 'network_not_supported', { scopes: {} }],
  ['another scope only', 'network_not_supported', { scopes: { other: { auth_url: authUrl } } }],
  [
    'the scope in capitals',
    'network_not_supported',
    { scopes: { [scope.toUpperCase()]: { auth_url: authUrl } } },
  ],
  [
    'the scope on a __proto__',
    'network_not_supported',
    `{"scopes":{"__proto__":{"${scope}":{"auth_url":"${authUrl}"}}}}`,
  ],
  [
    'a URL on a __proto__',
    'network_not_supported',
    `{"scopes":{"${scope}":{"__proto__":{"auth_url":"${authUrl}"}}}}`,
  ],
  ['a plain http URL', 'upstream_invalid', entry({ auth_url: 'http://api-eu.vonage.com/' })],
  ['a URL of another host', 'upstream_invalid', entry({ auth_url: 'https://evilvonage.com/' })],
  ['a javascript URL', 'upstream_invalid', entry({ auth_url: 'javascript:alert(1)' })],
  ['a URL of a wrong type', 'upstream_invalid', entry({ auth_url: [authUrl] })],
  [
    'a flag of a wrong type',
    'upstream_invalid',
    entry({ auth_url: authUrl, requires_carrier_network: 'true' }),
  ],
  ['an entry of null', 'upstream_invalid', entry(null)],
  ['an entry that is a URL', 'upstream_invalid', entry(authUrl)],
  ['an entry that is an array', 'upstream_invalid', entry([{ auth_url: authUrl }])],
  ['scopes as an array', 'upstream_invalid', { scopes: [{ auth_url: authUrl }] }],
  ['scopes as text', 'upstream_invalid', { scopes: scope }],
  ['no scopes', 'upstream_invalid', { scope: { [scope]: { auth_url: authUrl } } }],
  ['nothing', 'upstream_invalid', ''],
  ['JSON null', 'upstream_invalid', 'null'],
  ['a JSON array', 'upstream_invalid', '[]'],
  ['a JSON text', 'upstream_invalid', '"ok"'],
  ['HTML', 'upstream_invalid', '<html><body>OK</body></html>'],
  ['half of the JSON', 'upstream_invalid', good.slice(0, -1)],
  ['JSON twice', 'upstream_invalid', good + good],
  ['60,000 brackets', 'upstream_invalid', '['.repeat(60_000)],
]

test('a 200', async (t) => {
  for (const name of ['constructor', 'toString', '__proto__']) {
    t.test(
      `without the scope "${name}" is network_not_supported, though every object has that member`,
      async (t) => {
        const work = async () => judgeNetworkEnablement(answer(200, { scopes: {} }), name, policy, nowMs)
        await rejectsWith(t, work(), 'network_not_supported')
      },
    )
  }

  for (const [what, code, body] of bodies) {
    t.test(`with ${what} is ${code}`, async (t) => {
      await rejectsWith(t, judge(answer(200, body)), code)
    })
  }
})

const statuses: Partial<Record<FailureCode, number[]>> = {
  upstream_refused: [401, 402, 403],
  network_not_supported: [422],
  upstream_busy: [429],
  upstream_invalid: [
    201, 202, 204, 206, 301, 302, 304, 307, 400, 404, 405, 409, 415, 418, 500, 502, 503, 504, 999,
  ],
}

for (const [code, list] of Object.entries(statuses) as [FailureCode, number[]][])
  for (const status of list)
    test(`status ${status} is ${code}, whatever its body says`, async (t) => {
      for (const body of ['', good, '<html>', { title: 'Unauthorized', type: '#low-balance' }])
        await rejectsWith(t, judge(answer(status, body)), code)
    })

test('the words of Vonage', async (t) => {
  const speaking: [string, FailureCode, Outcome][] = [
    ['an error', 'network_not_supported', answer(200, entry({ error: { detail: 'canary' } }))],
    ['a body that is not JSON', 'upstream_invalid', answer(200, 'canary')],
    ['a URL', 'upstream_invalid', answer(200, entry({ auth_url: 'https://canary.example/' }))],
    ['a problem document', 'upstream_refused', answer(403, { detail: 'canary' })],
    ['a header', 'upstream_busy', answer(429, '', { 'retry-after': 'canary' })],
  ]
  for (const [what, code, outcome] of speaking) {
    t.test(`of ${what} are not in the failure`, async (t) => {
      t.notMatch(inspect(await rejectsWith(t, judge(outcome), code)), /canary/)
    })
  }
})

test('Retry-After', async (t) => {
  const retries: [string, Outcome, number][] = [
    ['of a 429', answer(429, '', { 'retry-after': '17' }), 17],
    ['of a 503', answer(503, '', { 'retry-after': '17' }), 17],
    [
      'as a date, read against the given time',
      answer(503, '', { 'retry-after': new Date(nowMs + 30_000).toUTCString() }),
      30,
    ],
    ['absent on a 429', answer(429), 1],
    ['beyond a minute', answer(429, '', { 'retry-after': '1000000000' }), 60],
  ]
  for (const [what, outcome, seconds] of retries) {
    t.test(`${what} is upstream_busy for ${seconds} s`, async (t) => {
      t.equal((await rejectsWith(t, judge(outcome), 'upstream_busy')).retryAfterSeconds, seconds)
    })
  }

  for (const status of [400, 401, 403, 404, 500, 502, 504]) {
    t.test(`on a ${status} changes nothing`, async (t) => {
      const failure = await judge(answer(status, '', { 'retry-after': '17' })).catch(
        (error: unknown) => error,
      )
      confirm(t, failure instanceof ServiceFailure)
      t.not(failure.code, 'upstream_busy')
      t.equal(failure.retryAfterSeconds, undefined)
    })
  }
})

test('no answer', async (t) => {
  const cause = new Error('a cause for the log')
  const kinds: [NoAnswer['kind'], FailureCode][] = [
    ['unreachable', 'upstream_unavailable'],
    ['timeout', 'upstream_timeout'],
    ['cancelled', 'upstream_timeout'],
    ['broken', 'upstream_invalid'],
  ]
  for (const [kind, code] of kinds) {
    t.test(`because of "${kind}" is ${code}, repeatable or not`, async (t) => {
      for (const repeatable of [true, false]) await rejectsWith(t, judge({ kind, repeatable, cause }), code)
    })
  }

  for (const kind of ['unreachable', 'timeout', 'broken'] as const) {
    t.test(`because of "${kind}" keeps its cause for the log`, async (t) => {
      const failure: unknown = await judge({ kind, repeatable: false, cause }).catch(
        (error: unknown) => error,
      )
      t.equal(failure instanceof ServiceFailure && failure.cause, cause)
    })
  }

  t.test('because we did not send it is upstream_busy, with our own Retry-After', async (t) => {
    const failure = await rejectsWith(
      t,
      judge({ kind: 'busy', note: 'the circuit is open', retryAfterSeconds: 23 }),
      'upstream_busy',
    )
    t.equal(failure.retryAfterSeconds, 23)
  })
})
