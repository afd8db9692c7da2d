/** The public listener as a whole: its routes, which of them need a token, and what none of them lets through. */
import { beforeEach, t as file, test } from 'tap'
import { ServiceFailure } from '../../src/core/failures.ts'
import { assertProblem } from '../support/problem.ts'
import { appHeaders, finishPath, openPublicServer, startPath, startWith } from '../support/public-server.ts'
import { call } from '../support/raw-http.ts'
import { routesOf } from '../support/route-table.ts'
import { callerOf, noLimits } from '../support/unobserved.ts'

const { app, url, starts, finishes, forget } = await openPublicServer(file)
beforeEach(forget)

const publicRoutes = ['GET /livez', 'GET /readyz', `GET ${startPath}/callback`]
const guardedRoutes = [`POST ${startPath}`, `POST ${finishPath}`]

test('the routes are these and no others', async (t) => {
  t.strictSame(routesOf(app), [...publicRoutes, ...guardedRoutes].sort())
})

for (const route of routesOf(app)) {
  const [method = '', target = ''] = route.split(' ')
  if (publicRoutes.includes(route))
    test(`${route} asks for no token`, async (t) => {
      for (const headers of [{}, { authorization: 'Bearer nonsense' }])
        t.not((await call(url, { method, target, headers })).status, 401)
    })
  else
    test(`${route} is refused without a good token, whatever else is sent`, async (t) => {
      for (const body of [
        '',
        '{',
        '{}',
        JSON.stringify({ phone_number: '+99012345678' }),
        'x'.repeat(9000),
      ]) {
        const request = { method, target, body, headers: { 'content-type': 'application/json' } }
        assertProblem(t, await call(url, request), 'missing_token')
        const headers = { ...request.headers, authorization: 'Bearer nonsense' }
        assertProblem(t, await call(url, { ...request, headers }), 'invalid_token')
      }
      t.strictSame([starts, finishes], [[], []])
    })
}

for (const target of [
  '/metrics',
  '/docs',
  '/docs/',
  '/openapi.json',
  '/.env',
  '/v1',
  '/admin',
  '/package.json',
])
  test(`nothing of the inside is at ${target}`, async (t) => {
    assertProblem(t, await call(url, { target, headers: appHeaders }), 'not_found')
  })

for (const target of [
  `${startPath}/`,
  `/${startPath}`,
  '/v1//network-enablement',
  '/V1/network-enablement',
  `${startPath};x`,
])
  test(`another spelling of a guarded path, ${target}, is no way in`, async (t) => {
    const answer = await call(url, { ...startWith({ phone_number: '+99012345678' }), target })
    assertProblem(t, answer, 'not_found')
    t.strictSame(starts, [])
  })

test('a guarded path in percent codes is as guarded as the plain one', async (t) => {
  const target = '/v1/network%2denablement'
  const headers = { 'content-type': 'application/json' }
  assertProblem(t, await call(url, { method: 'POST', target, headers, body: '{}' }), 'missing_token')
})

for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PURGE'])
  test(`${method} on a guarded path tells the allowed method and nothing more`, async (t) => {
    for (const target of [startPath, finishPath]) {
      const answer = await call(url, { method, target, headers: { origin: 'https://app.example' } })
      assertProblem(t, answer, 'method_not_allowed')
      t.equal(answer.headers.get('allow'), 'POST')
      for (const name of answer.headers.keys()) t.notMatch(name, /^access-control/)
    }
  })

test('a request meets the limits in order: address, token, caller, schema, number, core', async (t) => {
  const met: string[] = []
  const note = (key: string) => void met.push(key.replace(/:.*/, ''))
  const server = await openPublicServer(t, {
    rateLimits: {
      ...noLimits,
      addressPerMinute: 100,
      callerPerMinute: 100,
      numberPerHour: 100,
      distinctNumbersPerDay: 100,
      counters: {
        hit(key) {
          note(key)
          return { hits: 1, resetMs: 1000 }
        },
        admit(key) {
          note(key)
          return { admitted: true, resetMs: 1000 }
        },
      },
    },
    accessTokens: {
      async verify() {
        met.push('token')
        return callerOf('alice')
      },
    },
    verification: {
      async start() {
        met.push('core')
        return { authUrl: 'https://a.example', requiresCarrierNetwork: true }
      },
      land: () => void met.push('core'),
      finish: () => Promise.reject(new ServiceFailure('invalid_state')),
    },
  })
  await call(server.url, startWith({ phone_number: '+99012345678' }))
  t.strictSame(met.splice(0), ['address', 'token', 'caller', 'distinct-numbers', 'number', 'core'])
  await call(server.url, startWith({ phone_number: 7 }))
  t.strictSame(met.splice(0), ['address', 'token', 'caller'])
  const finish = JSON.stringify({ code: 'a-code', state: 'x'.repeat(43) })
  await call(server.url, { ...startWith(finish), target: finishPath })
  t.strictSame(met.splice(0), ['address', 'token', 'caller'])
  await call(server.url, { target: `${startPath}/callback` })
  t.strictSame(met.splice(0), ['address'])
  for (const target of ['/livez', '/readyz', '/nowhere']) await call(server.url, { target })
  t.strictSame(met, [])
})
