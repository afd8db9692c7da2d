/** A bare listener: its limits, its headers, and a problem for whatever is not served. */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { t as file, test } from 'tap'
import { createApp } from '../../src/http/app.ts'
import { assertProblem, assertSafeHeaders } from '../support/problem.ts'
import {
  listenOnLoopback,
  type Owner,
  openPublicServer,
  recordLog,
  startWith,
} from '../support/public-server.ts'
import { call, only, requestBytes, speak } from '../support/raw-http.ts'
import { listenerLimits, recordEvents, unobserved } from '../support/unobserved.ts'

async function openApp(owner: Owner, overrides: Partial<Parameters<typeof createApp>[0]> = {}) {
  const { logger } = recordLog(owner)
  const app = createApp({
    ...listenerLimits,
    isDraining: () => false,
    log: logger,
    ...unobserved,
    ...overrides,
  })
  app.get('/thing', async ({ ip }) => ({ ip }))
  app.post('/thing', async ({ body }) => ({ length: JSON.stringify(body).length }))
  app.post('/made', async () => ({}))
  return { app, url: await listenOnLoopback(owner, app) }
}

const { app, url } = await openApp(file)
const json = { 'content-type': 'application/json' }
const bodyOf = (bytes: number) => JSON.stringify('x'.repeat(bytes - 2))

test('a served request has the headers of every answer', async (t) => {
  const answer = await call(url, { target: '/thing' })
  t.equal(answer.status, 200)
  assertSafeHeaders(t, answer)
})

test('a body of 4096 bytes is read, and one more is too large', async (t) => {
  const request = { method: 'POST', target: '/thing', headers: json }
  t.equal((await call(url, { ...request, body: bodyOf(4096) })).status, 200)
  assertProblem(t, await call(url, { ...request, body: bodyOf(4097) }), 'payload_too_large')
})

test('a body in chunks is too large as soon as it is', async (t) => {
  const headers = { ...json, connection: undefined, 'transfer-encoding': 'chunked' }
  const head = requestBytes({ method: 'POST', target: '/thing', headers })
  const chunk = `400\r\n${'x'.repeat(1024)}\r\n`
  assertProblem(t, only(await speak(url, head + chunk.repeat(5))), 'payload_too_large')
})

for (const expect of [undefined, '100-continue'])
  test(`a declared length of 1 GB is too large before a byte is sent, Expect: ${expect}`, async (t) => {
    const headers = { ...json, connection: undefined, 'content-length': '1000000000', expect }
    const answers = await speak(url, requestBytes({ method: 'POST', target: '/thing', headers }))
    assertProblem(t, only(answers.filter(({ status }) => status >= 200)), 'payload_too_large')
  })

const head8k: Record<string, object> = {
  'one header of 9 KB': { headers: { 'x-large': 'x'.repeat(9000) } },
  '1,500 headers': { headers: { 'x-small': Array.from({ length: 1500 }, () => 'x') } },
  'a URL of 9 KB': { target: `/${'x'.repeat(9000)}` },
}

for (const [kind, request] of Object.entries(head8k))
  test(`a head with ${kind} is too large`, async (t) => {
    const answer = await call(url, { target: '/thing', ...request })
    assertProblem(t, answer, 'headers_too_large')
    t.equal(answer.headers.get('connection'), 'close')
  })

test('a larger head is read where the setting allows it', async (t) => {
  const { url } = await openApp(t, { maxHeadBytes: 32_768 })
  t.equal((await call(url, { target: '/thing', headers: { x: 'x'.repeat(32_000) } })).status, 200)
  assertProblem(
    t,
    await call(url, { target: '/thing', headers: { x: 'x'.repeat(33_000) } }),
    'headers_too_large',
  )
})

test('no header is overlooked, however many there are', async (t) => {
  const { url } = await openApp(t, { maxHeadBytes: 32_768 })
  const headers = { x: Array.from({ length: 2500 }, () => 'x') }
  t.equal((await call(url, { target: '/thing', headers })).status, 200)
  assertProblem(
    t,
    await call(url, { target: '/thing', headers: { ...headers, HOST: 'other.example' } }),
    'invalid_request',
  )
})

test('a head of 7 KB is read', async (t) => {
  t.equal((await call(url, { target: '/thing', headers: { x: 'x'.repeat(7000) } })).status, 200)
})

for (const target of ['/%zz', '/%', '/%c0%ae', '/thing%ff', '/%zz?x=%zz'])
  test(`the malformed URL ${target} is an invalid request`, async (t) => {
    assertProblem(t, await call(url, { target }), 'invalid_request')
  })

for (const target of [
  '/',
  '/things',
  '/thing/',
  '//thing',
  '/Thing',
  '/thing/..',
  '/%2fthing',
  `/${'x'.repeat(4096)}`,
])
  test(`there is nothing at ${target.slice(0, 20)}`, async (t) => {
    assertProblem(t, await call(url, { target }), 'not_found')
  })

const methods = ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PURGE', 'PROPFIND', 'LINK', 'QUERY']

for (const method of methods)
  test(`${method} is answered with Allow where only POST is served`, async (t) => {
    for (const target of ['/made', '/made?thing=1']) {
      const answer = await call(url, { method, target })
      assertProblem(t, answer, 'method_not_allowed')
      t.equal(answer.headers.get('allow'), 'POST')
    }
  })

test('a wrong method is one whatever body it carries', async (t) => {
  for (const body of ['x', 'x'.repeat(9000)])
    for (const headers of [json, { 'content-type': 'text/plain' }, {}])
      assertProblem(
        t,
        await call(url, { method: 'PUT', target: '/made', headers, body }),
        'method_not_allowed',
      )
})

test('HEAD is answered with Allow and no body where only POST is served', async (t) => {
  const answer = await call(url, { method: 'HEAD', target: '/made' })
  t.strictSame([answer.status, answer.headers.get('allow'), answer.body], [405, 'POST', ''])
  assertSafeHeaders(t, answer)
})

test('Allow lists every method of the path', async (t) => {
  const { headers } = await call(url, { method: 'DELETE', target: '/thing' })
  t.strictSame(headers.get('allow')?.split(', ').sort(), ['GET', 'HEAD', 'POST'])
})

test('HEAD is served where GET is, without a body', async (t) => {
  const answer = await call(url, { method: 'HEAD', target: '/thing' })
  t.strictSame([answer.status, answer.body], [200, ''])
})

for (const header of ['x-http-method-override', 'x-http-method', 'x-method-override'])
  test(`${header} changes no method`, async (t) => {
    const answer = await call(url, { target: '/made', headers: { [header]: 'POST' } })
    assertProblem(t, answer, 'method_not_allowed')
  })

const notHttp: Record<string, string | Buffer> = {
  'HTTP/0.9': 'GET /thing\r\n\r\n',
  'a request of HTTP/1.2': 'GET /thing HTTP/1.2\r\nHost: a\r\n\r\n',
  'a method that does not exist': 'FROB /thing HTTP/1.1\r\nHost: a\r\n\r\n',
  'a method in small letters': 'get /thing HTTP/1.1\r\nHost: a\r\n\r\n',
  'a TLS greeting': Buffer.from('16030100c2010000be0303', 'hex'),
  'the preface of HTTP/2': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a banner of SSH': 'SSH-2.0-OpenSSH_9.6\r\n',
  zeros: Buffer.alloc(64),
}

for (const [kind, bytes] of Object.entries(notHttp))
  test(`${kind} is answered with an invalid request, and the connection closes`, async (t) => {
    const answer = only(await speak(url, bytes))
    assertProblem(t, answer, 'invalid_request')
    t.equal(answer.headers.get('connection')?.toLowerCase(), 'close')
  })

test('CONNECT opens no tunnel', async (t) => {
  const answers = await speak(url, 'CONNECT other.example:443 HTTP/1.1\r\nHost: other.example\r\n\r\n')
  t.equal(answers.length, 1)
  for (const answer of answers) assertProblem(t, answer, 'invalid_request')
})

test('an expectation that nobody knows gets an answer like any other', async (t) => {
  assertSafeHeaders(t, await call(url, { target: '/thing', headers: { expect: 'a-miracle' } }))
})

for (const [event, head] of [
  ['connect', 'CONNECT other.example:443 HTTP/1.1\r\nHost: other.example'],
  ['checkExpectation', 'GET /thing HTTP/1.1\r\nHost: a\r\nExpect: a-miracle'],
  ['request', 'POST /thing HTTP/1.1\r\nHost: a\r\nContent-Length: 9'],
] as const)
  test(`a connection that breaks at the event ${event} ends nothing else`, async (t) => {
    const { app, url } = await openApp(t)
    const taken = once(app.server, event) as Promise<[{ socket: Socket }]>
    const client = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    t.teardown(() => client.destroy())
    client.write(`${head}\r\n\r\n`)
    const [{ socket }] = await taken
    socket.destroy(new Error('as a reset does'))
    await new Promise<void>((resolve) => socket.once('close', () => resolve()))
    t.equal((await call(url, { target: '/thing' })).status, 200)
  })

test('an offer to change the protocol is ignored', async (t) => {
  const headers = { connection: 'upgrade, close', upgrade: 'websocket' }
  t.equal((await call(url, { target: '/thing', headers })).status, 200)
})

test('a client has 5 s for the head and the time of its setting for all', async (t) => {
  t.equal(app.server.headersTimeout, 5000)
  t.equal(app.server.requestTimeout, 10_000)
})

test('an idle connection of a good caller stays for longer than a load balancer keeps one', async (t) => {
  const { url } = await openPublicServer(t, { keepAliveTimeoutMs: 610_000 })
  const start = startWith({ phone_number: '+99012345678' })
  const client = connect(Number(new URL(url).port), '127.0.0.1')
  client.write(requestBytes({ ...start, headers: { ...start.headers, connection: 'keep-alive' } }))
  const [data] = (await once(client, 'data')) as [Buffer]
  client.destroy()
  t.match(data.toString(), /\r\nkeep-alive: timeout=610\r\n/i)
})

test('nobody else keeps a connection', async (t) => {
  for (const target of ['/thing', '/nothing', '/made', '/%zz']) {
    const { headers } = await call(url, { target, headers: { connection: 'keep-alive' } })
    t.equal(headers.get('connection'), 'close', target)
  }
})

const slow = {
  head: 'GET /thing HTTP/1.1\r\nHost: bff.exa',
  body: requestBytes({ method: 'POST', target: '/thing', headers: { ...json, 'content-length': '9' } }),
}

for (const [part, bytes] of Object.entries(slow))
  test(`a client whose ${part} does not come is answered in time, and its connection is gone although it holds on`, {
    timeout: 5000,
  }, async (t) => {
    const { app, url } = await openApp(t)
    app.server.headersTimeout = 200
    app.server.requestTimeout = 300
    const accepted = once(app.server, 'connection') as Promise<[Socket]>
    const client = connect({ host: '127.0.0.1', port: Number(new URL(url).port), allowHalfOpen: true })
    t.teardown(() => client.destroy())
    client.write(bytes)
    const [socket] = await accepted
    const gone = new Promise<string>((resolve) => socket.once('close', () => resolve('gone')))
    const stays = new Promise<string>((resolve) =>
      client.once('end', () => setTimeout(resolve, 1000, 'stays')),
    )
    const [head, body] = String((await once(client, 'data'))[0]).split('\r\n\r\n')
    const [status, ...lines] = (head ?? '').split('\r\n')
    t.match(status ?? '', / 408 /)
    const headers = new Headers(lines.map((line) => line.split(': ') as [string, string]))
    assertProblem(t, { status: 408, headers, lines, body: body ?? '' }, 'request_timeout')
    t.equal(await Promise.race([gone, stays]), 'gone')
  })

test('while draining, good callers are asked for a new connection as well', async (t) => {
  const { url } = await openPublicServer(t, { isDraining: () => true })
  const start = startWith({ phone_number: '+99012345678' })
  const { headers } = await call(url, { ...start, headers: { ...start.headers, connection: 'keep-alive' } })
  t.equal(headers.get('connection'), 'close')
})

const forwarded = { 'x-forwarded-for': '203.0.113.7' }

test("X-Forwarded-For is believed from a trusted proxy only, and a client's own entry before it is not", async (t) => {
  const trusting = await openApp(t, { trustedProxies: ['10.0.0.0/8', '127.0.0.0/8'] })
  const others = await openApp(t, { trustedProxies: ['10.0.0.0/8'] })
  const spoofed = { 'x-forwarded-for': '198.51.100.1, 203.0.113.7' }
  for (const [base, headers, ip] of [
    [trusting.url, forwarded, '203.0.113.7'],
    [trusting.url, spoofed, '203.0.113.7'],
    [others.url, forwarded, '127.0.0.1'],
    [url, forwarded, '127.0.0.1'],
  ] as const)
    t.strictSame(JSON.parse((await call(base, { target: '/thing', headers })).body), { ip })
})

test('bytes that are no request are an event and a line with the id of the answer, and nothing of them is told', async (t) => {
  const { events, seen } = recordEvents()
  const { log, logger } = recordLog(t)
  const { url: counted } = await openApp(t, { events, log: logger })
  const sent = [
    ['canary canary\r\n\r\n', 'invalid_request'],
    [`GET /canary HTTP/1.1\r\nx: ${'canary'.repeat(2000)}\r\n\r\n`, 'headers_too_large'],
    ['CONNECT canary:1 HTTP/1.1\r\nHost: canary\r\n\r\n', 'invalid_request'],
    ['GET /canary HTTP/1.1\r\nHost: canary\r\nExpect: canary\r\n\r\n', 'invalid_request'],
  ] as const
  const ids: (string | null)[] = []
  for (const [bytes] of sent) ids.push(only(await speak(counted, bytes)).headers.get('x-request-id'))
  t.strictSame(
    seen,
    sent.map(([, code]) => ({ name: 'request.unreadable', code })),
  )
  t.strictSame(
    log.entries().map(({ level, code, request_id }) => [level, code, request_id]),
    sent.map(([, code], index) => ['info', code, ids[index]]),
  )
  t.notMatch(log.lines.join(), /canary/)
})
