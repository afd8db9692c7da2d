/** Health: live while the process answers, ready while it should get requests. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { ServiceFailure } from '../../../src/core/failures.ts'
import { assertProblem, assertSafeHeaders } from '../../support/problem.ts'
import { openPublicServer } from '../../support/public-server.ts'
import { call } from '../../support/raw-http.ts'

let readiness: () => Promise<void> = async () => {}
const { url, log } = await openPublicServer({ after }, { checkReady: () => readiness() })

const failing = (code: 'store_unavailable' | 'shutting_down') => () =>
  Promise.reject(new ServiceFailure(code))

for (const target of ['/livez', '/readyz'])
  test(`${target} answers ok when all is well`, async () => {
    readiness = async () => {}
    const answer = await call(url, { target })
    assert.equal(answer.status, 200)
    assert.equal(answer.body, '{"status":"ok"}')
    assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
    assertSafeHeaders(answer)
  })

for (const code of ['store_unavailable', 'shutting_down'] as const)
  test(`/readyz answers 503 and /livez still ok on ${code}`, async () => {
    readiness = failing(code)
    assertProblem(await call(url, { target: '/readyz' }), code)
    assert.equal((await call(url, { target: '/livez' })).status, 200)
  })

test('/readyz says nothing of what is wrong inside', async () => {
  readiness = () => Promise.reject(new Error('canary'))
  const answer = await call(url, { target: '/readyz' })
  assertProblem(answer, 'internal')
  assert.doesNotMatch(answer.body + log.lines.join(), /canary/)
})

test('HEAD is answered as GET, without a body', async () => {
  readiness = async () => {}
  for (const target of ['/livez', '/readyz']) {
    const { status, body } = await call(url, { method: 'HEAD', target })
    assert.deepEqual([status, body], [200, ''])
  }
  readiness = failing('shutting_down')
  assert.equal((await call(url, { method: 'HEAD', target: '/readyz' })).status, 503)
})

test('a query and a body change nothing', async () => {
  readiness = async () => {}
  const headers = { 'content-type': 'text/plain' }
  for (const target of ['/livez?a=b', '/readyz?a=b'])
    assert.equal((await call(url, { target, headers, body: 'x' })).status, 200)
})
