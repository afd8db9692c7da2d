/** A client before a scripted Vonage, with every part real but the clock. */

import type { KeyObject } from 'node:crypto'
import { jwtVerify } from 'jose'
import type { Test } from 'tap'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import type { Keep } from '../../src/core/ports.ts'
import type { KeyName } from '../../src/vonage/key-ring.ts'
import { createNetworkEnablement } from '../../src/vonage/network-enablement/client.ts'
import { createRoute, type Route } from '../../src/vonage/route.ts'
import { createFakeClock } from './clock.ts'
import { createTestKeyRing } from './key-ring.ts'
import { createRsaKeys } from './keys.ts'
import { fail } from './must.ts'
import { openTransport } from './raw-transport.ts'
import { correlation, unobserved } from './unobserved.ts'
import { type ReceivedCall, type Script, startVonageServer } from './vonage-server.ts'

const keys = createRsaKeys()
export const scope = 'a-scope'
const phoneNumber = parsePhoneNumber('+99012345678') ?? fail()
export const redirectUri = 'https://bff.example/v1/network-enablement/callback?a=b c'
export const authUrl = 'http://127.0.0.1/auth'

/**
 * @param timeoutMs of a start, and of a finish
 * @param at the URL of an upstream elsewhere, instead of the scripted one
 * @param next a second private key
 */
export async function setUpClient(
  t: Test,
  script: Script,
  timeoutMs = 10_000,
  at?: string,
  next?: KeyObject,
) {
  const server = await startVonageServer(t, script)
  const url = at ?? server.url
  const clock = createFakeClock()
  const route = (path = ''): Route =>
    createRoute({
      call: 'verify',
      ...unobserved,
      transport: openTransport(t, url + path, 100),
      maxInFlight: 100,
      clock,
    })
  const keyChanges: KeyName[] = []
  const client = createNetworkEnablement({
    startRoute: route(),
    tokenRoute: route('/oauth2/token'),
    verifyRoute: route(),
    applicationJwt: createTestKeyRing({ primary: keys.privateKey, next, clock, changes: keyChanges }),
    authUrlPolicy: { hosts: [], http: 'loopback' },
    startTimeoutMs: timeoutMs,
    finishTimeoutMs: timeoutMs,
    redirectUri,
    clock,
  })
  const kept: string[] = []
  const keep: Keep = async ({ reference }) => void kept.push(reference)
  const start = (work = new AbortController()) =>
    client.requestAuthUrl(
      { subject: 'alice', phoneNumber, scope, state: 'a-state', mayMessage: () => true },
      keep,
      correlation,
      work,
    )
  const finish = () =>
    client.checkCode({ subject: 'alice', code: 'a code&x=y', pending: { phoneNumber, scope } }, correlation)
  return { ...server, clock, start, finish, kept, keyChanges }
}

/** The bearer token is an application JWT under our key, good at the start of the fake clock. */
export async function assertSignedByUs(t: Test, call: ReceivedCall | undefined): Promise<void> {
  const [scheme, jwt = ''] = call?.headers.authorization?.split(' ') ?? []
  t.equal(scheme, 'Bearer')
  const { payload } = await jwtVerify(jwt, keys.publicKey, { currentDate: new Date(Date.UTC(2026, 0, 1)) })
  t.equal(payload.application_id, 'an-application')
}
