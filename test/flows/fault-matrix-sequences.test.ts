/** Faults of Vonage that need a history: kept connections, redirects that lead somewhere, a JWT that has grown old. */

import type { Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { decodeJwt } from 'jose'
import { before, t as file, type Test, test } from 'tap'
import { finish, type IdentityProvider, openIdentityProvider, start } from '../support/app-client.ts'
import { openDocumentServer } from '../support/document-server.ts'
import { type Product, productSettings } from '../support/fault-matrix.ts'
import {
  type Act,
  accepted,
  acceptedBody,
  accessTokenCanary,
  type FaultServer,
  good,
  json,
  landingIn,
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
file.teardown(() => services.close())

/** Good answers after which the connection is kept. */
const kept = {
  start: (socket, request) =>
    json(startBody({ auth_url: `http://127.0.0.1/auth?state=${stateIn(request)}` }))(socket, request),
  token: json({ access_token: accessTokenCanary }),
  verify: json({ devicePhoneNumberVerified: true }),
  verify_v2: (socket, request) => accepted(acceptedBody())(socket, request),
  verify_v2_next: json({}),
  verify_v2_check: json({ status: 'completed' }),
} satisfies Record<Step, Act>

interface Opened {
  url: string
  server: FaultServer
  idp: IdentityProvider
  start(): ReturnType<typeof start>
  /** Starts, and gives what the device would get. */
  landing(): Promise<Record<string, string>>
  finish(landing: Record<string, string>): ReturnType<typeof finish>
}

/** The first call of a start and of a finish. */
const callsOf = {
  network_enablement: { start: 'start', finish: 'token' },
  verify: { start: 'verify_v2', finish: 'verify_v2_check' },
} as const
const products = Object.keys(callsOf) as Product[]

async function open(
  t: Test,
  acts: Partial<Record<Step, Act>> = {},
  product: Product = 'network_enablement',
): Promise<Opened> {
  const idp = await openIdentityProvider(t)
  const server = await startFaultServer(t, acts)
  const { url, close } = await services.open({
    ...idp.settings,
    ...productSettings(product, server.url),
    VONAGE_REQUESTS_PER_SECOND: '1000',
  })
  t.teardown(close)
  const app = { token: idp.tokenOf('alice') }
  // Not the same number twice: a start that Verify holds open is not sent again.
  let started = 0
  const opened: Opened = {
    url,
    server,
    idp,
    start: () => start(url, `+9901234${String(++started).padStart(4, '0')}`, app),
    async landing() {
      const { status, body } = await opened.start()
      t.equal(status, 200, body)
      return landingIn(body, 'a-code')
    },
    finish: (landing) => finish(url, landing, app),
  }
  return opened
}

test('a kept connection', async (t) => {
  const ends: Record<string, (socket: Socket) => void> = {
    'a FIN': (socket) => void socket.end(),
    'a reset': (socket) => void socket.resetAndDestroy(),
  }
  for (const product of products)
    for (const [what, end] of Object.entries(ends)) {
      const of = callsOf[product]
      t.test(
        `of ${product} that ends with ${what} as a start goes out is invisible: the start is sent once more`,
        async (t) => {
          let calls = 0
          const opened = await open(
            t,
            {
              [of.start]: (socket: Socket, request: string) =>
                ++calls === 2 ? end(socket) : kept[of.start](socket, request),
            },
            product,
          )
          await opened.landing()
          await opened.landing()
          const bodies = opened.server.calls(of.start).map((request) => request.split('\r\n\r\n')[1])
          t.equal(bodies.length, 3)
          t.equal(bodies[1], bodies[2], 'one start, sent twice')
          t.equal(opened.server.connections.length, 2)
        },
      )

      t.test(
        `of ${product} that ends with ${what} as a code goes out leaves the outcome unknown: it is not sent again`,
        async (t) => {
          let calls = 0
          const opened = await open(
            t,
            {
              ...kept,
              [of.finish]: (socket: Socket, request: string) =>
                ++calls === 2 ? end(socket) : kept[of.finish](socket, request),
            },
            product,
          )
          t.equal((await opened.finish(await opened.landing())).status, 200)
          const lost = await opened.landing()
          assertProblem(t, await opened.finish(lost), 'outcome_unknown')
          assertProblem(t, await opened.finish(lost), 'invalid_state')
          t.equal(opened.server.calls(of.finish).length, 2)
          t.equal(opened.server.calls('verify').length, product === 'verify' ? 0 : 1)
        },
      )
    }

  t.test(
    'that Vonage closes after 3 ms of rest is invisible in 60 starts, each sent twice at most',
    async (t) => {
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
      t.equal(sent.size, 60)
      for (const calls of sent.values()) t.ok(calls.length <= 2)
    },
  )
})

test('Vonage vanishes between the exchange and the verification: the code is spent, the outcome unknown', async (t) => {
  const opened = await open(t, {
    token(socket, request) {
      good.token(socket, request)
      socket.once('finish', () => opened.server.vanish())
    },
  })
  assertProblem(t, await opened.finish(await opened.landing()), 'outcome_unknown')
  t.equal(opened.server.calls('verify').length, 0)
})

for (const code of [301, 302, 303, 307, 308])
  test(`a ${code} is not followed in any step`, async (t) => {
    const target = await openDocumentServer(t)
    const redirect = status(code, [`location: ${target.origin}/canary`])
    const opened = await open(t, { start: redirect })
    assertProblem(t, await opened.start(), 'upstream_invalid')
    for (const step of ['token', 'verify'] as const) {
      opened.server.behave({})
      const landing = await opened.landing()
      opened.server.behave({ [step]: redirect })
      assertProblem(t, await opened.finish(landing), 'upstream_invalid')
    }
    const successor = await open(t, { verify_v2: redirect }, 'verify')
    assertProblem(t, await successor.start(), 'upstream_invalid')
    successor.server.behave({})
    const landing = await successor.landing()
    successor.server.behave({ verify_v2_check: redirect })
    assertProblem(t, await successor.finish(landing), 'upstream_invalid')
    t.equal(target.requests.length, 0)
  })

test('a 401 to a JWT that is not new', async (t) => {
  /** Younger ones are not signed anew. */
  const oldMs = 11_000
  const jtiIn = (request: string) => decodeJwt(/bearer (\S+)/i.exec(request)?.[1] ?? '').jti

  async function openAged(
    t: Test,
    product: Product = 'network_enablement',
  ): Promise<Opened & { firstJti: string | undefined }> {
    const opened = await open(t, {}, product)
    await opened.landing()
    await services.advance(oldMs)
    return { ...opened, firstJti: jtiIn(opened.server.calls(callsOf[product].start)[0] ?? '') }
  }

  for (const product of products) {
    const { start: call } = callsOf[product]
    t.test(`of a start of ${product} is cured by a new JWT`, async (t) => {
      const { server, firstJti, landing } = await openAged(t, product)
      server.behave({
        [call]: (socket: Socket, request: string) =>
          (jtiIn(request) === firstJti ? status(401) : good[call])(socket, request),
      })
      await landing()
      await landing()
      const jtis = server.calls(call).map(jtiIn)
      t.equal(jtis.length, 4)
      t.equal(new Set(jtis).size, 2)
    })

    t.test(
      `that a new JWT does not cure costs a start of ${product} two calls, and is refused`,
      async (t) => {
        const { server, start } = await openAged(t, product)
        server.behave({ [call]: status(401) })
        assertProblem(t, await start(), 'upstream_refused')
        t.equal(server.calls(call).length, 3)
      },
    )
  }

  t.test('of a check of Verify is cured by a new JWT: nothing was checked', async (t) => {
    const { server, landing, finish } = await openAged(t, 'verify')
    const device = await landing()
    const { jti } = decodeJwt(/bearer (\S+)/i.exec(server.calls('verify_v2').at(-1) ?? '')?.[1] ?? '')
    server.behave({
      verify_v2_check: (socket, request) =>
        (jtiIn(request) === jti ? status(401) : good.verify_v2_check)(socket, request),
    })
    t.equal((await finish(device)).status, 200)
    t.equal(server.calls('verify_v2_check').length, 2)
  })

  t.test('of an exchange is refused after one call, and the next one has a new JWT', async (t) => {
    const { server, landing, finish, firstJti } = await openAged(t)
    server.behave({
      token: (socket, request) => (jtiIn(request) === firstJti ? status(401) : good.token)(socket, request),
    })
    assertProblem(t, await finish(await landing()), 'upstream_refused')
    t.equal(server.calls('token').length, 1)
    t.equal((await finish(await landing())).status, 200)
    t.equal(server.calls('token').length, 2)
  })
})
