/** One JSON document from a real server on loopback: bounded in time and size, and from the address that was asked. */

import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Test, test } from 'tap'
import { fetchJson } from '../../src/idp/fetch-json.ts'
import { ProviderError } from '../../src/idp/provider-trouble.ts'
import { openDocumentServer } from '../support/document-server.ts'

/** Longer than any test takes that is not about time. */
const timeoutMs = 5000
const maxDocumentBytes = 64 * 1024

type Answer = (response: ServerResponse, request: IncomingMessage) => unknown

/** A server that gives one answer, and a fetch of it. */
async function fetchFrom(t: Test, answer: Answer, withinMs = timeoutMs) {
  const server = await openDocumentServer(t, {
    '/jwks': (request: IncomingMessage, response: ServerResponse) => void answer(response, request),
  })
  return { ...server, fetching: fetchJson(`${server.origin}/jwks`, withinMs) }
}

/** A JSON text of exactly so many bytes. */
function jsonOf(bytes: number): string {
  return `"${'a'.repeat(bytes - 2)}"`
}

test('gets the document with a plain GET', async (t) => {
  const document = { keys: [{ kid: 'ä' }] }
  const { origin, requests } = await openDocumentServer(t, { '/jwks?a=b': document })
  t.strictSame(await fetchJson(`${origin}/jwks?a=b`, timeoutMs), document)
  t.equal(requests.length, 1)
  t.equal(requests[0]?.method, 'GET')
  const { accept, authorization, cookie, 'accept-encoding': encoding } = requests[0]?.headers ?? {}
  t.strictSame(
    { accept, authorization, cookie, encoding },
    { accept: 'application/json', authorization: undefined, cookie: undefined, encoding: 'identity' },
  )
})

for (const status of [201, 203, 204, 304, 400, 401, 404, 429, 500, 503])
  test(`rejects when the status is ${status}, whatever the body says`, async (t) => {
    const { fetching, requests } = await fetchFrom(t, (response) =>
      response.writeHead(status).end('{"keys":[]}'),
    )
    await t.rejects(fetching, ProviderError)
    t.equal(requests.length, 1)
  })

for (const status of [301, 302, 303, 307, 308])
  test(`follows no redirect with status ${status}, neither away nor within the server`, async (t) => {
    const elsewhere = await openDocumentServer(t, { '/jwks': { keys: [] } })
    for (const location of [`${elsewhere.origin}/jwks`, '/other']) {
      const { fetching, documents, paths } = await fetchFrom(t, (response) =>
        response.writeHead(status, { location }).end('{"keys":[]}'),
      )
      documents.set('/other', { keys: [] })
      await t.rejects(fetching, ProviderError)
      t.strictSame(paths(), ['/jwks'])
    }
    t.strictSame(elsewhere.paths(), [])
  })

test('takes a byte order mark before the document for no part of it', async (t) => {
  const { fetching } = await fetchFrom(t, (response) => response.end('\uFEFF{"keys":[]}'))
  t.strictSame(await fetching, { keys: [] })
})

const notJson: Array<[what: string, body: string]> = [
  ['HTML', '<!doctype html><title>Sign in</title>'],
  ['empty', ''],
  ['cut off', '{"keys":[{"kty":'],
  ['followed by more', '{"keys":[]}{}'],
  ['two byte order marks before JSON', '\uFEFF\uFEFF{}'],
  ['a JWT', 'eyJhbGciOiJSUzI1NiJ9.e30.AA'],
]
for (const [what, body] of notJson)
  test(`rejects when the body is ${what} instead of JSON`, async (t) => {
    const { fetching } = await fetchFrom(t, (response) => response.end(body))
    await t.rejects(fetching, ProviderError)
  })

test('rejects when the connection breaks in the middle of the document', async (t) => {
  const { fetching } = await fetchFrom(t, (response) => {
    response.writeHead(200, { 'content-length': 100 })
    response.write('{"keys":[]}', () => response.destroy())
  })
  await t.rejects(fetching, TypeError)
})

test('rejects when nobody listens', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  await t.rejects(fetchJson(`http://127.0.0.1:${port}/jwks`, timeoutMs), TypeError)
})

test('takes a document of 64 KiB, and none that is a byte longer', async (t) => {
  for (const headers of [undefined, { 'transfer-encoding': 'chunked' }]) {
    const fits = await fetchFrom(t, (response) =>
      response.writeHead(200, headers).end(jsonOf(maxDocumentBytes)),
    )
    t.equal(String(await fits.fetching).length, maxDocumentBytes - 2)
    const tooLong = await fetchFrom(t, (response) =>
      response.writeHead(200, headers).end(jsonOf(maxDocumentBytes + 1)),
    )
    await t.rejects(tooLong.fetching, Error)
  }
})

test('stops reading a document without end', { timeout: 4000 }, async (t) => {
  const block = Buffer.alloc(maxDocumentBytes, 'a')
  let writtenBytes = 0
  const closed = Promise.withResolvers<void>()
  const { fetching } = await fetchFrom(t, async (response) => {
    response.on('close', closed.resolve)
    for (; !response.destroyed && writtenBytes < 1e9; writtenBytes += block.length)
      if (!response.write(block)) await Promise.race([once(response, 'drain'), closed.promise])
  })
  await t.rejects(fetching, { name: /^(?!TimeoutError$)/ })
  await closed.promise
  t.ok(writtenBytes < 32 * 1024 * 1024, `the sockets' buffers, and not ${writtenBytes} bytes`)
})

test('counts a compressed document by what it becomes', async (t) => {
  const bomb = gzipSync(jsonOf(50 * 1024 * 1024))
  const { fetching } = await fetchFrom(t, (response) =>
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb),
  )
  await t.rejects(fetching, { name: /^(?!TimeoutError$)/ })
})

const hangs: Array<[what: string, answer: Answer]> = [
  ['sends nothing', () => undefined],
  ['stops after the head', (response) => response.writeHead(200).flushHeaders()],
  ['stops in the body', (response) => response.writeHead(200).write('{"keys":[')],
  [
    'sends a byte now and then',
    (response) => {
      const dripping = setInterval(() => response.write(' '), 10)
      response.on('close', () => clearInterval(dripping))
    },
  ],
]
for (const [what, answer] of hangs)
  test(`gives up after the timeout when the server ${what}`, { timeout: 2000 }, async (t) => {
    const beganMs = performance.now()
    const hangUp = Promise.withResolvers<void>()
    const { fetching } = await fetchFrom(
      t,
      (response, request) => {
        response.on('close', hangUp.resolve)
        answer(response, request)
      },
      100,
    )
    await t.rejects(fetching, { name: 'TimeoutError' })
    const tookMs = performance.now() - beganMs
    t.ok(tookMs > 90 && tookMs < 1000, `took ${tookMs} ms`)
    await hangUp.promise
  })
