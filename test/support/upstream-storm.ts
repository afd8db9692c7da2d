/** 1,000 parallel starts whose JWT Vonage no longer takes: how many new ones are signed, and how many calls made? */

import { decodeJwt } from 'jose'
import type { Test } from 'tap'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { createNetworkEnablement } from '../../src/vonage/network-enablement/client.ts'
import { createRoute } from '../../src/vonage/route.ts'
import { createFakeClock } from './clock.ts'
import { good, scope, startFaultServer, status } from './fault-server.ts'
import { createTestKeyRing } from './key-ring.ts'
import { createRsaKeys } from './keys.ts'
import { fail } from './must.ts'
import { openTransport } from './raw-transport.ts'
import { correlation, unobserved } from './unobserved.ts'

/** The rest waits for one of them, as in the service. */
const connections = 100
/** Younger JWTs are not signed anew. */
const oldMs = 11_000

/** At the client, with its clock: above it the quota would let only a few starts through at a time. */
export async function proveStorm(t: Test, parallel: number) {
  const server = await startFaultServer(t)
  const clock = createFakeClock()
  const transport = openTransport(t, server.url, connections)
  const route = createRoute({
    call: 'network_enablement',
    ...unobserved,
    transport,
    maxInFlight: parallel,
    clock,
  })
  const client = createNetworkEnablement({
    startRoute: route,
    tokenRoute: route,
    verifyRoute: route,
    applicationJwt: createTestKeyRing({ primary: createRsaKeys().privateKey, clock }),
    authUrlPolicy: { hosts: [], http: 'loopback' },
    startTimeoutMs: 30_000,
    finishTimeoutMs: 30_000,
    redirectUri: 'https://bff.example.com/callback',
    clock,
  })
  const phoneNumber = parsePhoneNumber('+99012345678') ?? fail()
  const start = (index: number) =>
    client.requestAuthUrl(
      {
        subject: 'alice',
        phoneNumber,
        scope,
        state: String(index).padStart(43, '0'),
        mayMessage: () => true,
      },
      async () => {},
      correlation,
      new AbortController(),
    )

  await start(0)
  const jtiIn = (request: string) => decodeJwt(/bearer (\S+)/i.exec(request)?.[1] ?? '').jti
  const old = jtiIn(server.calls('start')[0] ?? '')
  server.behave({
    start: (socket, request) => (jtiIn(request) === old ? status(401) : good.start)(socket, request),
  })
  clock.advance(oldMs)
  const beganMs = performance.now()
  const results = await Promise.all(Array.from({ length: parallel }, (_, index) => start(index + 1)))
  const tookMs = Math.round(performance.now() - beganMs)

  t.equal(results.length, parallel)
  const calls = server.calls('start').slice(1)
  const signed = new Set(calls.map(jtiIn)).size - 1
  t.equal(signed, 1, 'one new JWT')
  const callsOfEach = Map.groupBy(calls, (request) => /"state":"(\d+)"/.exec(request)?.[1])
  t.equal(callsOfEach.size, parallel)
  for (const each of callsOfEach.values()) t.ok(each.length <= 2)
  return { parallel, signed, calls: calls.length, tookMs }
}
