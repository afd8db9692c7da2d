/** Faults of Vonage that need a history: kept connections, redirects that lead somewhere, a JWT that has grown old. */
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, type TestContext, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { finish, type IdentityProvider, openIdentityProvider, start } from '../support/app-client.ts'
import { openDocumentServer } from '../support/document-server.ts'
import {
  type Act,
  accessTokenCanary,
  type FaultServer,
  good,
  json,
  type Step,
  startBody,
  startFaultServer,
  stateIn,
  status,
} from '../support/fault-server.ts'
import { assertProblem } from '../support/problem.ts'
import { openServiceProcess, type ServiceProcess } from '../support/service-process.ts'

let services: ServiceProcess
before(async () => {
  services = await openServiceProcess()
})
after(() => services.close())

/** Good answers after which the connection is kept. */
const kept: Record<Step, Act> = {
  start: (socket, request) =>
    json(startBody({ auth_url: `http://127.0.0.1/auth?state=${stateIn(request)}` }))(socket, request),
  token: json({ access_token: accessTokenCanary }),
  verify: json({ devicePhoneNumberVerified: true }),
}

interface Opened {
  url: string
  server: FaultServer
  idp: IdentityProvider
  start(): ReturnType<typeof start>
  /** Starts, and gives what the device would get. */
  landing(): Promise<{ code: string; state: string }>
  finish(landing: { code: string; state: string }): ReturnType<typeof finish>
}

async function open(t: TestContext, acts: Partial<Record<Step, Act>> = {}): Promise<Opened> {
  const idp = await openIdentityProvider(t)
  const server = await startFaultServer(t, acts)
  const { url, close } = await services.open({
    ...idp.settings,
    VONAGE_API_URL: server.url,
    VONAGE_TOKEN_URL: `${server.url}/oauth2/token`,
    VONAGE_REQUESTS_PER_SECOND: '1000',
  })
  t.after(close)
  const app = { token: idp.tokenOf('alice') }
  const opened: Opened = {
    url,
    server,
    idp,
    start: () => start(url, '+99012345678', app),
    async landing() {
      const { status, body } = await opened.start()
      assert.equal(status, 200, body)
      return { code: 'a-code', state: stateIn(body) }
    },
    finish: (landing) => finish(url, landing, app),
  }
  return opened
}

describe('a kept connection', () => {
  const ends: Record<string, (socket: Socket) => void> = {
    'a FIN': (socket) => void socket.end(),
    'a reset': (socket) => void socket.resetAndDestroy(),
  }
  for (const [what, end] of Object.entries(ends)) {
    test(`that ends with ${what} as a start goes out is invisible: the start is sent once more`, async (t) => {
      let calls = 0
      const opened = await open(t, {
        start: (socket, request) => (++calls === 2 ? end(socket) : kept.start(socket, request)),
      })
      await opened.landing()
      await opened.landing()
      const states = opened.server.calls('start').map(stateIn)
      assert.equal(states.length, 3)
      assert.equal(states[1], states[2], 'one start, sent twice')
      assert.equal(opened.server.connections.length, 2)
    })

    test(`that ends with ${what} as a code goes out leaves the outcome unknown: it is not sent again`, async (t) => {
      let calls = 0
      const opened = await open(t, {
        ...kept,
        token: (socket, request) => (++calls === 2 ? end(socket) : kept.token(socket, request)),
      })
      assert.equal((await opened.finish(await opened.landing())).status, 200)
      const lost = await opened.landing()
      assertProblem(await opened.finish(lost), 'outcome_unknown')
      assertProblem(await opened.finish(lost), 'invalid_state')
      assert.equal(opened.server.calls('token').length, 2)
      assert.equal(opened.server.calls('verify').length, 1)
    })
  }

  test('that Vonage closes after 3 ms of rest is invisible in 60 starts, each sent twice at most', async (t) => {
    const opened = await open(t, {
      async start(socket, request) {
        kept.start(socket, request)
        await setTimeout(3)
        socket.end()
      },
    })
    for (let call = 0; call < 60; call++) {
      await opened.landing()
      await setTimeout(call % 5)
    }
    const sent = Map.groupBy(opened.server.calls('start'), stateIn)
    assert.equal(sent.size, 60)
    for (const calls of sent.values()) assert.ok(calls.length <= 2)
  })
})

test('Vonage vanishes between the exchange and the verification: the code is spent, the outcome unknown', async (t) => {
  const opened = await open(t, {
    token(socket, request) {
      good.token(socket, request)
      socket.once('finish', () => opened.server.vanish())
    },
  })
  assertProblem(await opened.finish(await opened.landing()), 'outcome_unknown')
  assert.equal(opened.server.calls('verify').length, 0)
})

for (const code of [301, 302, 303, 307, 308])
  test(`a ${code} is not followed in any step`, async (t) => {
    const target = await openDocumentServer(t)
    const redirect = status(code, [`location: ${target.origin}/canary`])
    const opened = await open(t, { start: redirect })
    assertProblem(await opened.start(), 'upstream_invalid')
    for (const step of ['token', 'verify'] as const) {
      opened.server.behave({})
      const landing = await opened.landing()
      opened.server.behave({ [step]: redirect })
      assertProblem(await opened.finish(landing), 'upstream_invalid')
    }
    assert.equal(target.requests.length, 0)
  })

describe('a 401 to a JWT that is not new', () => {
  /** Younger ones are not signed anew. */
  const oldMs = 11_000
  const jtiIn = (request: string) => decodeJwt(/bearer (\S+)/i.exec(request)?.[1] ?? '').jti

  async function openAged(t: TestContext): Promise<Opened & { firstJti: string | undefined }> {
    const opened = await open(t)
    await opened.landing()
    await services.advance(oldMs)
    return { ...opened, firstJti: jtiIn(opened.server.calls('start')[0] ?? '') }
  }

  test('of a start is cured by a new JWT', async (t) => {
    const { server, firstJti, landing } = await openAged(t)
    server.behave({
      start: (socket, request) => (jtiIn(request) === firstJti ? status(401) : good.start)(socket, request),
    })
    await landing()
    await landing()
    const jtis = server.calls('start').map(jtiIn)
    assert.equal(jtis.length, 4)
    assert.equal(new Set(jtis).size, 2)
  })

  test('that a new JWT does not cure costs two calls, and is refused', async (t) => {
    const { server, start } = await openAged(t)
    server.behave({ start: status(401) })
    assertProblem(await start(), 'upstream_refused')
    assert.equal(server.calls('start').length, 3)
  })

  test('of an exchange is refused after one call, and the next one has a new JWT', async (t) => {
    const { server, landing, finish, firstJti } = await openAged(t)
    server.behave({
      token: (socket, request) => (jtiIn(request) === firstJti ? status(401) : good.token)(socket, request),
    })
    assertProblem(await finish(await landing()), 'upstream_refused')
    assert.equal(server.calls('token').length, 1)
    assert.equal((await finish(await landing())).status, 200)
    assert.equal(server.calls('token').length, 2)
  })
})
