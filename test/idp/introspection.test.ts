/** Asking the provider about opaque tokens: what is sent, what an answer means, and that neither trouble nor garbage gets far. Real sockets. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { type Test, test } from 'tap'
import { createIntrospection } from '../../src/idp/introspection.ts'
import { createFakeClock } from '../support/clock.ts'
import { openDocumentServer } from '../support/document-server.ts'
import { rejectsWith } from '../support/failure.ts'

type Answer = (response: ServerResponse, form: URLSearchParams, request: IncomingMessage) => void

const active = { active: true, sub: 'alice', iss: 'https://login.example.com' }

const say =
  (body: unknown, status = 200, type = 'application/json'): Answer =>
  (response) =>
    response
      .writeHead(status, { 'content-type': type })
      .end(typeof body === 'string' ? body : JSON.stringify(body))

async function open(t: Test, first: Answer) {
  const state = { answer: first }
  const forms: URLSearchParams[] = []
  const requests: IncomingMessage[] = []
  const server = await openDocumentServer(t, {
    '/introspect': async (request: IncomingMessage, response: ServerResponse) => {
      const form = new URLSearchParams(await text(request))
      forms.push(form)
      requests.push(request)
      state.answer(response, form, request)
    },
  })
  const clock = createFakeClock()
  const failures: unknown[] = []
  const introspect = createIntrospection({
    issuer: 'https://login.example.com',
    uri: `${server.origin}/introspect`,
    clientId: 'bff:1',
    clientSecret: 'a b+ü',
    clock,
    onFailure: (cause) => void failures.push(cause),
  })
  const answer = (next: Answer) => {
    state.answer = next
  }
  return { introspect, clock, failures, forms, requests, answer }
}

test('the token goes in the body, and who we are in HTTP Basic, form-encoded', async (t) => {
  const { introspect, forms, requests } = await open(t, say(active))
  t.strictSame(await introspect('to~ken+/='), { sub: 'alice', iss: 'https://login.example.com' })
  t.strictSame(Object.fromEntries(forms[0] ?? []), {
    token: 'to~ken+/=',
    token_type_hint: 'access_token',
  })
  const [request] = requests
  t.equal(request?.method, 'POST')
  const credentials = Buffer.from(String(request?.headers.authorization).replace('Basic ', ''), 'base64')
  t.equal(credentials.toString(), 'bff%3A1:a+b%2B%C3%BC')
})

test('1,000 parallel calls with one token are one request, and the next call is another', async (t) => {
  const { introspect, forms } = await open(t, say(active))
  const all = await Promise.all(Array.from({ length: 1000 }, () => introspect('token')))
  t.strictSame([new Set(all.map(({ sub }) => sub)), forms.length], [new Set(['alice']), 1])
  await introspect('token')
  t.equal(forms.length, 2)
})

test('an inactive token is not asked about again for 10 seconds', async (t) => {
  const { introspect, clock, forms, answer } = await open(t, say({ active: false }))
  await rejectsWith(t, introspect('token'), 'invalid_token')
  answer(say(active))
  clock.advance(9_999)
  await rejectsWith(t, introspect('token'), 'invalid_token')
  t.equal(forms.length, 1)
  clock.advance(1)
  t.equal((await introspect('token')).sub, 'alice')
})

test('a token that is bound to a key is refused', async (t) => {
  const { introspect } = await open(t, say({ ...active, token_type: 'DPoP' }))
  await rejectsWith(t, introspect('token'), 'invalid_token')
})

test('a provider that says 400 of a token calls it bad, and is not paused for it', async (t) => {
  const { introspect, failures } = await open(t, say({ error: 'invalid_request' }, 400))
  for (let n = 0; n < 10; n++) await rejectsWith(t, introspect(`garbage ${n}`), 'invalid_token')
  t.strictSame(failures, [])
})

const lies: Array<[what: string, answer: Answer, note: RegExp]> = [
  ['active as a text', say({ ...active, active: 'true' }), /no usable answer|OAUTH|ERR/],
  ['no active', say({ sub: 'alice' }), /./],
  ['a list', say([active]), /./],
  ['no JSON', say('<html>', 200, 'text/html'), /./],
  ['half of the JSON', say('{"active":true', 200), /./],
  [
    'a signed answer that nobody asked for',
    say('e30.e30.AA', 200, 'application/token-introspection+jwt'),
    /./,
  ],
  ['a redirect', (response) => response.writeHead(302, { location: '/elsewhere' }).end(), /status 302/],
  ['that it does not know us', say({}, 401), /status 401.*AUTH_INTROSPECTION/],
  ['that we may not', say({}, 403), /status 403/],
  ['a 500', say(active, 500), /status 500/],
  ['a 204', say('', 204), /status 204/],
  ['100 KB', say({ ...active, x: 'x'.repeat(100_000) }), /too large/],
  ['nothing', (response) => response.destroy(), /./],
]
for (const [what, answer, note] of lies)
  test(`a provider that answers ${what} is unavailable, which is told`, async (t) => {
    const { introspect, failures } = await open(t, answer)
    const failure = await rejectsWith(t, introspect('token'), 'idp_unavailable')
    t.match(failure.note ?? '', note)
    t.equal(failure.retryAfterSeconds, 1)
    t.equal(failures.length, 1)
  })

test('a provider that hangs is given up after 3 seconds', { timeout: 10_000 }, async (t) => {
  const { introspect } = await open(t, () => undefined)
  const beganMs = performance.now()
  const { note } = await rejectsWith(t, introspect('token'), 'idp_unavailable')
  const tookMs = performance.now() - beganMs
  t.ok(tookMs > 2900 && tookMs < 5000, `${tookMs} ms`)
  t.match(note ?? '', /timeout/)
})

test('after 5 failures in a row nobody is asked for 5 seconds, then one, and all when that goes well', async (t) => {
  const { introspect, clock, forms, answer } = await open(t, say({}, 500))
  for (let n = 0; n < 5; n++) await rejectsWith(t, introspect(`token ${n}`), 'idp_unavailable')
  t.equal((await rejectsWith(t, introspect('next'), 'idp_unavailable')).retryAfterSeconds, 5)
  clock.advance(4001)
  t.equal((await rejectsWith(t, introspect('next'), 'idp_unavailable')).retryAfterSeconds, 1)
  t.equal(forms.length, 5)
  clock.advance(999)
  const probe = introspect('probe')
  await rejectsWith(t, introspect('another'), 'idp_unavailable')
  await rejectsWith(t, probe, 'idp_unavailable')
  t.equal(forms.length, 6)
  answer(say(active))
  clock.advance(5000)
  await introspect('probe')
  t.equal((await Promise.all([introspect('a'), introspect('b')])).length, 2)
})

test('garbage reaches the provider 50 times a second at most, and 32 at once', async (t) => {
  const { introspect, clock, forms } = await open(t, say({ active: false }))
  const flood = (wave: number) =>
    Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        introspect(`garbage ${wave} ${n}`).catch(({ code }: { code: string }) => code),
      ),
    )
  const first = await flood(1)
  t.equal(first.filter((code) => code === 'invalid_token').length, 32)
  t.equal(first.filter((code) => code === 'idp_unavailable').length, 168)
  await flood(2)
  t.equal(forms.length, 50)
  clock.advance(1000)
  await flood(3)
  t.equal(forms.length, 82)
})
