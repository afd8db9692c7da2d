/** The request id: the caller's own when nothing in it can do harm, else a new one. */
import { beforeEach, t as file, test } from 'tap'
import { newRequestId, requestIdOf } from '../../src/http/request-id.ts'
import { openCalmServer } from '../support/calm-server.ts'
import { assertProblem } from '../support/problem.ts'
import { call } from '../support/raw-http.ts'

const { url, log, forget } = await openCalmServer(file)
beforeEach(forget)

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/

const accepted = ['a', 'A-z_0.9', '0', '5f0c7a52-7d3c-4a53-9f0e-1f2d3c4b5a69', 'x'.repeat(64), '...', '-']

const replaced: Record<string, string | string[]> = {
  'an empty one': '',
  'one of 65 characters': 'x'.repeat(65),
  'one with a space': 'a b',
  'one with a tab': 'a\tb',
  'one that breaks out of JSON': 'a","level":"fatal',
  'one in other letters': 'ünïcode',
  'one with a line separator': 'a\u2028b',
  'one with a slash': 'a/b',
  'one with a percent code': 'a%0d%0ab',
  'one with markup': '<b>',
  'two of them': ['a', 'b'],
}

for (const id of accepted)
  test(`X-Request-Id is kept when it is ${id.slice(0, 40)}`, async (t) => {
    const { headers } = await call(url, { target: '/livez', headers: { 'x-request-id': id } })
    t.equal(headers.get('x-request-id'), id)
    t.equal(log.entries()[0]?.request_id, id)
  })

for (const [kind, id] of Object.entries(replaced))
  test(`X-Request-Id is replaced when it is ${kind}`, async (t) => {
    const { headers, status } = await call(url, { target: '/livez', headers: { 'x-request-id': id } })
    t.equal(status, 200)
    t.match(headers.get('x-request-id') ?? '', uuid)
    t.equal(log.lines.length, 1)
    t.equal(log.entries()[0]?.request_id, headers.get('x-request-id'))
  })

test('X-Request-Id with ANSI colours is no request at all', async (t) => {
  const headers = { 'x-request-id': '\u001b[31mred' }
  t.match(
    assertProblem(t, await call(url, { target: '/livez', headers }), 'invalid_request').request_id,
    uuid,
  )
  t.notMatch(log.lines.join(''), /red/)
})

test('a request without X-Request-Id gets a new id each time', async (t) => {
  const ids = Array.from({ length: 100 }, () => requestIdOf({ headers: {} }))
  t.equal(new Set([...ids, newRequestId()]).size, 101)
  for (const id of ids) t.match(id, uuid)
})

test('a header that Node hands over as a list is replaced', async (t) => {
  const headers = { 'x-request-id': ['a', 'b'] } as unknown as Record<string, string>
  t.match(requestIdOf({ headers }), uuid)
})
