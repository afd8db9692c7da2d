/** The whole world with messages on: an app that asks for codes, what users find in their inboxes, and time that passes for everybody. */
import type { SimulatorOptions } from '../../simulator/simulator.ts'
import type { Environment } from '../../src/config.ts'
import { receiptSettings } from './environment.ts'
import { type Answer, openAuthUrl, openWorld, type PhoneOptions, type World } from './service.ts'

export const smsPath = '/v1/sms-verification'

export const products = ['network_enablement', 'verify'] as const
export type Product = (typeof products)[number]

export interface SmsWorld extends World {
  sendSms(token: string, phoneNumber: string): Promise<Answer>
  /** The state of a message that must be on its way. */
  stateOf(token: string, phoneNumber: string): Promise<string>
  /** The codes that have reached this number, oldest first. */
  inbox(phoneNumber: string): readonly string[]
  /** A start whose device opens the URL over this network. @returns what the device got */
  open(token: string, phoneNumber: string, options?: PhoneOptions): Promise<Answer>
  /** How many calls of Verify v2 came to Vonage so far. */
  calls(): { starts: number; nexts: number; checks: number }
}

const clocks = { monotonicMs: performance.now.bind(performance), wallMs: Date.now }
let passedMs = 0
performance.now = () => clocks.monotonicMs() + passedMs
Date.now = () => clocks.wallMs() + passedMs

/** For the service and for Vonage; timers that run already stay as they are. */
export function pass(seconds: number): void {
  passedMs += seconds * 1000
}

/** With receipts, and without limits. */
export async function openSmsWorld(
  closing: (close: () => Promise<void>) => void,
  product: Product,
  settings: Environment = {},
  simulatorOptions: Partial<SimulatorOptions> = {},
): Promise<SmsWorld> {
  const world = await openWorld(
    closing,
    {
      VONAGE_PRODUCT: product,
      SMS_FALLBACK: 'true',
      RATE_LIMIT_SMS_PER_NUMBER_PER_HOUR: '0',
      ...receiptSettings(),
      ...settings,
    },
    simulatorOptions,
  )
  const { simulator, service, send } = world
  const sms: SmsWorld = {
    ...world,
    sendSms: (token, phoneNumber) =>
      send(service.url + smsPath, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ phone_number: phoneNumber }),
      }),
    async stateOf(token, phoneNumber) {
      const { text, body } = await sms.sendSms(token, phoneNumber)
      if (body.state === undefined) throw new Error(text)
      return body.state
    },
    inbox: (phoneNumber) => simulator.messages(phoneNumber).map(({ code }) => code),
    open: async (token, phoneNumber, options) =>
      openAuthUrl(await world.authUrl(token, phoneNumber), options),
    calls: () => ({
      starts: simulator.hops.count('/v2/verify'),
      nexts: simulator.hops.count('/v2/verify/{request_id}/next_workflow'),
      checks: simulator.hops.count('/v2/verify/{request_id}'),
    }),
  }
  return sms
}

/** Of the same length, and not this one. */
export function wrong(code: string, by = 1): string {
  return code.replace(/^\d/, (digit) => String((Number(digit) + by) % 10))
}
