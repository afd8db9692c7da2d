/** Load shedding, by really blocking the event loop. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setImmediate, setTimeout } from 'node:timers/promises'
import fastify, { type FastifyInstance } from 'fastify'
import { ServiceFailure } from '../../src/core/failures.ts'
import { shedLoad } from '../../src/http/shed-load.ts'
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
async function becomes(status: number, ask: () => Promise<{ statusCode: number }>): Promise<void> {
  const endMs = performance.now() + 5000
  while ((await ask()).statusCode !== status) {
    assert.ok(performance.now() < endMs, `never ${status}`)
    await setTimeout(50)
  }
}

async function openApp(t: TestContext): Promise<{ app: FastifyInstance; failures: unknown[] }> {
  const app = fastify()
  t.after(() => app.close())
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
  assert.equal((await app.inject('/inside')).statusCode, 200)
  await overload()
  assert.equal((await app.inject('/inside')).statusCode, 503)
  assert.equal((await app.inject('/outside')).statusCode, 200)
  const [failure] = failures
  assert.ok(failure instanceof ServiceFailure)
  assert.equal(failure.code, 'overloaded')
  await becomes(200, () => app.inject('/inside'))
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
    assert.equal(
      (await app.inject({ method: method as 'GET', url: target })).json().code,
      'overloaded',
      target,
    )
  for (const target of ['/livez', '/readyz']) assert.equal((await app.inject(target)).statusCode, 200, target)

  await overload()
  const refused = assertProblem(
    await call(url, { method: 'POST', target: startPath, body: '{}' }),
    'overloaded',
  )
  assert.equal(refused.next_action, 'retry')
})
