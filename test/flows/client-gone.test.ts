/** An app that goes away: a start ends with it, a finish does not. Real sockets from the app to Vonage. */

import { connect, type Socket } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { before, t as file, type Test, test } from 'tap'
import type { Environment } from '../../src/config.ts'
import { finish, openIdentityProvider, start } from '../support/app-client.ts'
import {
  type Act,
  type FaultServer,
  good,
  type Step,
  startFaultServer,
  stateIn,
} from '../support/fault-server.ts'
import { assertProblem } from '../support/problem.ts'
import { requestBytes } from '../support/raw-http.ts'
import { closed } from '../support/raw-server.ts'
import { openServiceProcess, type ServiceProcess } from '../support/service-process.ts'

let services: ServiceProcess
before(async () => {
  services = await openServiceProcess()
})
file.teardown(() => services.close())

const phoneNumber = '+99012345678'
const hang: Act = () => {}

async function open(t: Test, acts: Partial<Record<Step, Act>> = {}, settings: Environment = {}) {
  const idp = await openIdentityProvider(t)
  const server = await startFaultServer(t, acts)
  const { url, close } = await services.open({
    ...idp.settings,
    VONAGE_API_URL: server.url,
    VONAGE_TOKEN_URL: `${server.url}/oauth2/token`,
    START_TIMEOUT_MS: '9000',
    ...settings,
  })
  t.teardown(close)
  const token = idp.tokenOf('alice')

  /** Sends a request and gives the connection, to be closed at will. */
  function sendAndHold(target: string, body: object): Socket {
    const { hostname, port } = new URL(url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    t.teardown(() => socket.destroy())
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    socket.write(requestBytes({ method: 'POST', target, headers, body: JSON.stringify(body) }))
    return socket
  }
  return {
    server,
    holdStart: () => sendAndHold('/v1/network-enablement', { phone_number: phoneNumber }),
    holdFinish: (body: object) => sendAndHold('/v1/number-verification', body),
    start: (subject = 'bob') => start(url, phoneNumber, { token: idp.tokenOf(subject) }),
    finish: (body: { code: string; state: string }) => finish(url, body, { token }),
    async landing() {
      const { status, body } = await start(url, phoneNumber, { token })
      t.equal(status, 200, body)
      return { code: 'a-code', state: stateIn(body) }
    },
  }
}

async function callsReach(t: Test, server: FaultServer, step: Step, count: number): Promise<void> {
  const endMs = performance.now() + 5000
  while (server.calls(step).length < count) {
    t.ok(performance.now() < endMs, `no call ${count} of ${step}`)
    await setTimeout(5)
  }
}

test('an app that leaves during a start ends the call to Vonage at once, and leaves no state', async (t) => {
  const { server, holdStart, start } = await open(t, { start: hang }, { STATE_MAX_ENTRIES: '1' })
  const app = holdStart()
  await callsReach(t, server, 'start', 1)
  const beganMs = performance.now()
  app.destroy()
  await closed(server.connections[0])
  t.ok(performance.now() - beganMs < 1000, 'long before the deadline of 9 s')
  server.behave({})
  t.equal((await start()).status, 200, 'the store has room for one')
})

test('an app that leaves while its start waits for the quota gives its place back, and nothing is sent for it', async (t) => {
  // One permit every 1.1 seconds, and at most 4.5 seconds of waiting.
  const { server, holdStart, start } = await open(t, {}, { VONAGE_REQUESTS_PER_SECOND: '1' })
  t.equal((await start()).status, 200)
  const beganMs = performance.now()
  const waiting = Array.from({ length: 3 }, holdStart)
  await setTimeout(200)
  for (const app of waiting) app.destroy()
  await setTimeout(100)
  t.equal((await start()).status, 200)
  t.ok(performance.now() - beganMs < 2000, 'it had the next permit')
  t.equal(server.calls('start').length, 2)
})

test('apps that leave do not open the circuit', async (t) => {
  const { server, holdStart, start } = await open(t, { start: hang }, { VONAGE_REQUESTS_PER_SECOND: '100' })
  for (let call = 1; call <= 6; call++) {
    const app = holdStart()
    await callsReach(t, server, 'start', call)
    app.destroy()
    await closed(server.connections[call - 1])
  }
  server.behave({})
  t.equal((await start()).status, 200)
})

for (const step of ['token', 'verify'] as const) {
  test(`an app that leaves during the call ${step} of a finish gets the result when it asks again`, async (t) => {
    const arrived = Promise.withResolvers<() => void>()
    const slow: Act = (socket, request) => arrived.resolve(() => good[step](socket, request))
    const { server, landing, holdFinish, finish } = await open(t, { [step]: slow })
    const body = await landing()
    const app = holdFinish(body)
    const answer = await arrived.promise
    app.destroy()
    // The repeat comes while the work still goes on, and once more when it is done.
    const during = finish(body)
    await setTimeout(100)
    answer()
    for (const repeat of [await during, await finish(body)]) {
      t.equal(repeat.status, 200)
      t.strictSame(JSON.parse(repeat.body), {
        phone_number: phoneNumber,
        phone_number_verified: true,
      })
    }
    t.equal(server.calls('token').length, 1)
    t.equal(server.calls('verify').length, 1)
  })
}

test('an app that leaves during a finish that fails finds the state used', async (t) => {
  const arrived = Promise.withResolvers<() => void>()
  const broken: Act = (socket) => arrived.resolve(() => socket.resetAndDestroy())
  const { server, landing, holdFinish, finish } = await open(t, { verify: broken })
  const body = await landing()
  const app = holdFinish(body)
  const answer = await arrived.promise
  app.destroy()
  answer()
  await setTimeout(50)
  assertProblem(t, await finish(body), 'invalid_state')
  t.equal(server.calls('token').length, 1)
})
