/** The one writer of problems: every code on the wire, and nothing inside a failure ever leaves with it. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { beforeEach, t as file, type Test, test } from 'tap'
import { ServiceFailure } from '../../src/core/failures.ts'
import { answerParserError, endWithProblem, toProblem } from '../../src/http/problem.ts'
import { openCalmServer } from '../support/calm-server.ts'
import { assertProblem, codes } from '../support/problem.ts'
import { finishPath, startPath, startWith } from '../support/public-server.ts'
import { call, only, speak } from '../support/raw-http.ts'

let thrown: unknown
const { url, app, log, forget } = await openCalmServer(file, {
  verification: {
    start: () => Promise.reject(thrown),
    land: () => {},
    finish: () => Promise.reject(thrown),
  },
})
beforeEach(forget)

const goodStart = startWith({ phone_number: '+99012345678' })

function answerTo(failure: unknown) {
  thrown = failure
  return call(url, goodStart)
}

for (const code of codes)
  test(`the failure ${code} is answered with its problem and nothing from inside it`, async (t) => {
    const cause = new Error('canary-cause')
    const answer = await answerTo(new ServiceFailure(code, { cause, note: 'canary-note' }))
    assertProblem(t, answer, code)
    t.notMatch(answer.body + answer.lines.join(), /canary/)
  })

test('Retry-After is what the failure says, on codes to retry alone', async (t) => {
  const busy = await answerTo(new ServiceFailure('upstream_busy', { retryAfterSeconds: 17 }))
  t.equal(busy.headers.get('retry-after'), '17')
  const invalid = await answerTo(new ServiceFailure('upstream_invalid', { retryAfterSeconds: 17 }))
  t.equal(invalid.headers.get('retry-after'), null)
})

const bugs: Record<string, unknown> = {
  'an error': new Error('canary'),
  'an error with a cause': new Error('canary', { cause: new Error('canary') }),
  'an error with a code': Object.assign(new Error('canary'), { code: 'ECONNREFUSED' }),
  "an error with an upstream's status 404": Object.assign(new Error('canary'), { statusCode: 404 }),
  'an error with a status 302': Object.assign(new Error('canary'), { statusCode: 302 }),
  'an error with a status 503': Object.assign(new Error('canary'), { statusCode: 503 }),
  'an error with headers': Object.assign(new Error('canary'), { headers: { 'x-canary': 'canary' } }),
  'a text': 'canary',
  'an object': { message: 'canary', statusCode: 400 },
  null: null,
  undefined: undefined,
}

for (const [kind, bug] of Object.entries(bugs))
  test(`a bug that throws ${kind} is answered with internal and nothing of it, and is logged as an error`, async (t) => {
    const answer = await answerTo(bug)
    assertProblem(t, answer, 'internal')
    t.notMatch(answer.body + answer.lines.join() + log.lines.join(), /canary/)
    t.equal(log.entries()[0]?.level, 'error')
    t.equal(log.entries()[0]?.code, 'internal')
  })

const notFitting: readonly [body: string, pointers: string[]][] = [
  ['{}', ['/phone_number']],
  ['[]', ['']],
  ['null', ['']],
  ['"canary"', ['']],
  ['{"phone_number":7}', ['/phone_number']],
  ['{"phone_number":"+99012345678","scope":7}', ['/scope']],
  ['{"phone_number":"+99012345678","canary":1}', ['']],
]

for (const [body, pointers] of notFitting)
  test(`the start ${body} is answered with the place that does not fit, and not with what stands there`, async (t) => {
    const answer = await call(url, startWith(body))
    const { errors } = assertProblem(t, answer, 'invalid_request')
    t.strictSame(
      errors?.map(({ pointer }) => pointer),
      pointers,
    )
    t.notMatch(answer.body, /canary|\+990/)
  })

test('a text that breaks another rule of its schema is answered with its place', async (t) => {
  const body = JSON.stringify({ code: `canary${'x'.repeat(2100)}`, state: 'a' })
  const answer = await call(url, { ...goodStart, target: finishPath, body })
  const { errors } = assertProblem(t, answer, 'invalid_request')
  t.strictSame(
    errors?.map(({ pointer }) => pointer),
    ['/code'],
  )
  t.notMatch(answer.body, /canary/)
})

test('a problem for the mobile libraries is the same problem in their bytes', async (t) => {
  const answer = await call(url, { target: `${startPath}/callback?state=canary` })
  assertProblem(t, answer, 'invalid_state')
  t.ok(answer.lines.includes('Content-Type: application/problem+json'))
  t.notMatch(answer.body, /canary|"if"/)
})

test('bytes that are no request are answered with a problem and a closed connection', async (t) => {
  const answer = only(await speak(url, 'canary\r\n\r\n'))
  assertProblem(t, answer, 'invalid_request')
  t.equal(answer.headers.get('connection'), 'close')
  t.notMatch(answer.body, /canary/)
})

test('a connection that is reset within a request is dropped', async (t) => {
  const { port } = app.server.address() as AddressInfo
  const accepted = once(app.server, 'connection') as Promise<[Socket]>
  const client = connect(port, '127.0.0.1')
  const [socket] = await accepted
  const gone = new Promise((resolve) => socket.once('close', resolve))
  client.write('POST / HTTP/1.1\r\nHost:', () => client.resetAndDestroy())
  await gone
  t.equal(socket.bytesWritten, 0)
})

/** @returns the URL of a server that does this with a connection's first bytes */
async function openSocketServer(t: Test, onData: (socket: Socket) => void): Promise<string> {
  const server = createServer({ allowHalfOpen: true }, (socket) => socket.once('data', () => onData(socket)))
  t.teardown(() => server.close())
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

test('an error that names no reason is answered as a bad request', async (t) => {
  const origin = await openSocketServer(t, (socket) => answerParserError(new Error('canary'), socket))
  assertProblem(t, only(await speak(origin, 'x')), 'invalid_request')
})

test('a connection whose answer is already out gets no second one', async (t) => {
  const answers = await speak(
    await openSocketServer(t, (socket) => {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n', () => {
        answerParserError(new Error('canary'), socket)
        t.ok(socket.destroyed)
      })
    }),
    'x',
  )
  t.equal(only(answers).status, 200)
})

for (const code of codes)
  test(`a connection without a reply object can be ended with a whole answer for ${code}`, async (t) => {
    const origin = await openSocketServer(t, (socket) => endWithProblem(socket, code))
    const answer = only(await speak(origin, 'x'))
    assertProblem(t, answer, code)
    t.equal(answer.headers.get('connection'), 'close')
  })

test('a client that holds on after the answer is cut off', { timeout: 5000 }, async (t) => {
  const closed = Promise.withResolvers<void>()
  const origin = await openSocketServer(t, (socket) => {
    socket.once('close', () => closed.resolve())
    endWithProblem(socket, 'invalid_request')
  })
  const client = connect({ host: '127.0.0.1', port: Number(new URL(origin).port), allowHalfOpen: true })
  t.teardown(() => client.destroy())
  client.write('x')
  client.resume()
  await t.resolves(closed.promise)
})

test('a problem carries errors only when there are some to tell', async (t) => {
  const errors = [{ pointer: '/a', detail: 'required' }]
  t.strictSame(toProblem('invalid_request', 'an-id', errors).errors, errors)
  t.ok(!('errors' in toProblem('invalid_request', 'an-id')))
})
