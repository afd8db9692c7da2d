/** Load shedding, by really blocking the event loop. */

import { setImmediate, setTimeout } from 'node:timers/promises'
import fastify, { type FastifyInstance } from 'fastify'
import { type Test, test } from 'tap'
import { ServiceFailure } from '../../src/core/failures.ts'
import { shedLoad } from '../../src/http/shed-load.ts'
import { confirm } from '../support/must.ts'
import { assertProblem } from '../support/problem.ts'
import { openPublicServer, startPath } from '../support/public-server.ts'
import { call } from '../support/raw-http.ts'

/** The guard allows 200 ms. */
const blockMs = 400

function block(): void {
  const endMs = performance.now() + blockMs
  while (performance.now() < endMs);
}

/** Blocks the loop, with a single turn in between. */
async function overload(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    block()
    await setImmediate()
  }
}

/** Asks every 50 ms until the status comes. */
async function becomes(t: Test, status: number, ask: () => Promise<{ statusCode: number }>): Promise<void> {
  const endMs = performance.now() + 5000
  while ((await ask()).statusCode !== status) {
    t.ok(performance.now() < endMs, `never ${status}`)
    await setTimeout(50)
  }
}

async function openApp(t: Test): Promise<{ app: FastifyInstance; failures: unknown[] }> {
  const app = fastify()
  t.teardown(() => app.close())
  const failures: unknown[] = []
  app.setErrorHandler((error, _request, reply) => {
    failures.push(error)
    return reply.code(503).send()
  })
  app.get('/outside', async () => 'fine')
  await app.register(async (scope) => {
    shedLoad(scope)
    scope.get('/inside', async () => 'fine')
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return { app, failures }
}

test('a late loop refuses what is in the scope, with overloaded, and nothing else; and it recovers', async (t) => {
  const { app, failures } = await openApp(t)
  t.equal((await app.inject('/inside')).statusCode, 200)
  await overload()
  t.equal((await app.inject('/inside')).statusCode, 503)
  t.equal((await app.inject('/outside')).statusCode, 200)
  const [failure] = failures
  confirm(t, failure instanceof ServiceFailure)
  t.equal(failure.code, 'overloaded')
  await becomes(t, 200, () => app.inject('/inside'))
})

test('of the public listener a late loop refuses the API, with Retry-After, and answers health', async (t) => {
  const { url, app } = await openPublicServer(t)
  await overload()
  const requests = [
    { method: 'POST', target: startPath },
    { method: 'POST', target: '/v1/number-verification' },
    { method: 'GET', target: '/v1/network-enablement/callback?code=a&state=b' },
  ]
  for (const { method, target } of requests)
    t.equal((await app.inject({ method: method as 'GET', url: target })).json().code, 'overloaded', target)
  for (const target of ['/livez', '/readyz']) t.equal((await app.inject(target)).statusCode, 200, target)

  await overload()
  const refused = assertProblem(
    t,
    await call(url, { method: 'POST', target: startPath, body: '{}' }),
    'overloaded',
  )
  t.equal(refused.next_action, 'retry')
})
