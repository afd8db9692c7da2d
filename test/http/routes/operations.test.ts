/** Health: live while the process answers, ready while it should get requests. */
import { t as file, test } from 'tap'
import { ServiceFailure } from '../../../src/core/failures.ts'
import { assertProblem, assertSafeHeaders } from '../../support/problem.ts'
import { openPublicServer } from '../../support/public-server.ts'
import { call } from '../../support/raw-http.ts'

let readiness: () => Promise<void> = async () => {}
const { url, log } = await openPublicServer(file, { checkReady: () => readiness() })

const failing = (code: 'store_unavailable' | 'shutting_down') => () =>
  Promise.reject(new ServiceFailure(code))

for (const target of ['/livez', '/readyz'])
  test(`${target} answers ok when all is well`, async (t) => {
    readiness = async () => {}
    const answer = await call(url, { target })
    t.equal(answer.status, 200)
    t.equal(answer.body, '{"status":"ok"}')
    t.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    assertSafeHeaders(t, answer)
  })

for (const code of ['store_unavailable', 'shutting_down'] as const)
  test(`/readyz answers 503 and /livez still ok on ${code}`, async (t) => {
    readiness = failing(code)
    assertProblem(t, await call(url, { target: '/readyz' }), code)
    t.equal((await call(url, { target: '/livez' })).status, 200)
  })

test('/readyz says nothing of what is wrong inside', async (t) => {
  readiness = () => Promise.reject(new Error('canary'))
  const answer = await call(url, { target: '/readyz' })
  assertProblem(t, answer, 'internal')
  t.notMatch(answer.body + log.lines.join(), /canary/)
})

test('HEAD is answered as GET, without a body', async (t) => {
  readiness = async () => {}
  for (const target of ['/livez', '/readyz']) {
    const { status, body } = await call(url, { method: 'HEAD', target })
    t.strictSame([status, body], [200, ''])
  }
  readiness = failing('shutting_down')
  t.equal((await call(url, { method: 'HEAD', target: '/readyz' })).status, 503)
})

test('a query and a body change nothing', async (t) => {
  readiness = async () => {}
  const headers = { 'content-type': 'text/plain' }
  for (const target of ['/livez?a=b', '/readyz?a=b'])
    t.equal((await call(url, { target, headers, body: 'x' })).status, 200)
})
