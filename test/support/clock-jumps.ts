/**
 * Verifications around jumps of the wall clock: the service, Vonage and the identity provider are moved together, as when a machine
 * sleeps or its time is set, and the service's monotonic clock goes on as if nothing were. Counts the finishes that were lost.
 */
import type { Test } from 'tap'
import { startSimulator } from '../../simulator/simulator.ts'
import type { Environment } from '../../src/config.ts'
import { openIdentityProvider } from './app-client.ts'
import { signers } from './compact-jwt.ts'
import { findFreePort } from './free-port.ts'
import { callbackPath, finishPath, openAuthUrl, startPath } from './service.ts'

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** They end where they began. */
export const jumps: Readonly<Record<string, number>> = {
  'an hour on': hourMs,
  'an hour back': -hourMs,
  'another hour back': -hourMs,
  'an hour on again': hourMs,
  '40 days on': 40 * dayMs,
  '40 days back': -40 * dayMs,
}

export interface ClockWorld {
  /** Of a service whose wall clock the caller moves. */
  settings: Environment
  /** Moves everybody but the service. */
  jump(ms: number): void
  /** So many verifications at once, up to their landing. */
  land(count: number): Promise<Landed[]>
  /** @returns how many of them did not end with 200 */
  finish(landed: readonly Landed[]): Promise<number>
}

interface Landed {
  subject: string
  /** What the device got. */
  text: string
}

export async function openClockWorld(t: Test): Promise<ClockWorld> {
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}`
  let jumpedMs = 0
  const simulator = await startSimulator({
    redirectUri: url + callbackPath,
    requestsPerSecond: 0,
    now: () => Date.now() + jumpedMs,
  })
  t.teardown(() => simulator.close())
  const idp = await openIdentityProvider(t)
  let subjects = 0
  let issued = 0

  /** A new one each time, so that none is remembered. */
  function tokenOf(sub: string): string {
    const iat = Math.floor((Date.now() + jumpedMs) / 1000)
    const claims = { sub, iat, exp: iat + 300, jti: String(++issued) }
    const signer = signers.EdDSA(idp.provider.ed.privateKey)
    return idp.provider.token({ header: { alg: 'EdDSA', kid: 'ed' }, claims, signer })
  }

  async function post(path: string, subject: string, body: string): Promise<Response> {
    const headers = { authorization: `Bearer ${tokenOf(subject)}`, 'content-type': 'application/json' }
    return fetch(url + path, { method: 'POST', headers, body })
  }

  async function landOne(): Promise<Landed> {
    const subject = `subject-${++subjects}`
    const started = await post(startPath, subject, JSON.stringify({ phone_number: '+99012345678' }))
    const text = await started.text()
    t.equal(started.status, 200, text)
    const landing = await openAuthUrl(JSON.parse(text).auth_url)
    t.equal(landing.status, 200, landing.text)
    return { subject, text: landing.text }
  }

  return {
    settings: {
      ...idp.settings,
      PORT: String(port),
      VONAGE_APPLICATION_ID: simulator.applicationId,
      VONAGE_PRIVATE_KEY: simulator.privateKeyPem,
      VONAGE_REDIRECT_URI: url + callbackPath,
      VONAGE_API_URL: simulator.operatorUrl,
      VONAGE_TOKEN_URL: simulator.tokenUrl,
      VONAGE_REQUESTS_PER_SECOND: '1000',
    },
    jump(ms) {
      jumpedMs += ms
    },
    land: (count) => Promise.all(Array.from({ length: count }, landOne)),
    async finish(landed) {
      const statuses = await Promise.all(
        landed.map(async ({ subject, text }) => (await post(finishPath, subject, text)).status),
      )
      return statuses.filter((status) => status !== 200).length
    },
  }
}

export interface JumpFigures {
  finishes: number
  lost: number
}

/**
 * @param count verifications at once
 * @param jump moves the service's wall clock
 */
export async function proveJumps(
  world: ClockWorld,
  count: number,
  jump: (ms: number) => void | Promise<void>,
): Promise<JumpFigures> {
  const figures = { finishes: 0, lost: 0 }
  async function finish(landed: readonly Landed[]): Promise<void> {
    figures.finishes += landed.length
    figures.lost += await world.finish(landed)
  }
  await finish(await world.land(count))
  for (const ms of Object.values(jumps)) {
    const underWay = await world.land(count)
    await jump(ms)
    world.jump(ms)
    // Vonage's own codes live for a minute, so that those from before a jump ahead are over at Vonage itself.
    if (ms < 0) await finish(underWay)
    await finish(await world.land(count))
  }
  return figures
}
