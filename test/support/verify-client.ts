/** The client of Verify v2 before a scripted Vonage, with every part real but the clock. */
import type { Test } from 'tap'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import type { Keep, StartsUnderWay } from '../../src/core/ports.ts'
import { createMemoryStarts } from '../../src/store/memory-starts.ts'
import { createRoute, type Route } from '../../src/vonage/route.ts'
import { createVerify } from '../../src/vonage/verify/client.ts'
import type { MessageForm } from '../../src/vonage/verify/wire.ts'
import { createFakeClock } from './clock.ts'
import { createTestKeyRing } from './key-ring.ts'
import { createRsaKeys } from './keys.ts'
import { fail } from './must.ts'
import { openTransport } from './raw-transport.ts'
import { correlation, unobserved } from './unobserved.ts'
import { type Script, startVonageServer } from './vonage-server.ts'

const keys = createRsaKeys()
const number = parsePhoneNumber('+447700900200') ?? fail()
export const requestId = 'c11236f4-00bf-4b89-84ba-88b25df97315'
export const checkUrl = 'http://127.0.0.1/silent-auth'

export const message = { codeLength: 6, locale: 'en-us', sender: undefined }

export async function setUpVerify(
  t: Test,
  script: Script,
  starts: Partial<StartsUnderWay> = {},
  form: MessageForm | undefined = undefined,
  timeoutMs = 500,
) {
  const server = await startVonageServer(t, script)
  const clock = createFakeClock()
  const route = (): Route =>
    createRoute({
      call: 'verify_v2',
      ...unobserved,
      transport: openTransport(t, server.url, 100),
      maxInFlight: 100,
      clock,
    })
  const underWay = { ...createMemoryStarts({ clock }), ...starts }
  const client = createVerify({
    startRoute: route(),
    nextRoute: route(),
    checkRoute: route(),
    applicationJwt: createTestKeyRing({ primary: keys.privateKey, clock }),
    authUrlPolicy: { hosts: [], http: 'loopback' },
    brand: 'Acme',
    message: form,
    startTimeoutMs: timeoutMs,
    finishTimeoutMs: timeoutMs,
    underWay,
    clock,
  })
  const kept: Parameters<Keep>[0][] = []
  const keep: Keep = async (begun) => void kept.push(begun)
  const start = ({
    subject = 'alice',
    phoneNumber = number,
    keeping = keep,
    work = new AbortController(),
    mayMessage = (): boolean => true,
  } = {}) =>
    client.requestAuthUrl(
      { subject, phoneNumber, scope: 'a-scope', state: 'a-state', mayMessage },
      keeping,
      correlation,
      work,
    )
  const pending = { phoneNumber: number, scope: 'a-scope', requestId }
  const check = (code = 'si9sfG') => client.checkCode({ subject: 'alice', code, pending }, correlation)
  const checkTyped = (code = '123456') =>
    client.checkCode({ subject: 'alice', code, pending, typed: true }, correlation)
  const sendCode = (phoneNumber = number, admit: () => void = () => undefined) =>
    client.sendCode({ subject: 'alice', phoneNumber }, admit, correlation)
  return { ...server, clock, underWay, number, start, check, checkTyped, sendCode, kept }
}
