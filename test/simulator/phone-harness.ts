/**
 * The simulator and the real service, connected on loopback, for the tests of the phone.
 */

import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { openService } from '../../src/compose.ts'
import { parseConfig } from '../../src/config.ts'
import { receiptSettings } from '../support/environment.ts'
import { privateKeyPem } from './harness.ts'

/** Vonage's examples of a number that is verified, and of one that is not. */
export const matching = '+99012345678'
export const notMatching = '+99012345677'

/** Resolves when both listen. */
export async function openPhoneWorld(): Promise<{ simulator: Simulator; close(): Promise<void> }> {
  const port = await findFreePort()
  const redirectUri = `http://127.0.0.1:${port}/v1/network-enablement/callback`
  const simulator = await startSimulator({ redirectUri, privateKeyPem, requestsPerSecond: 0 })
  const service = await openService(
    parseConfig({
      HOST: '127.0.0.1',
      PORT: String(port),
      MANAGEMENT_PORT: '0',
      LOG_LEVEL: 'silent',
      AUTH_ISSUER: simulator.issuer,
      AUTH_AUDIENCE: simulator.audience,
      VONAGE_APPLICATION_ID: simulator.applicationId,
      VONAGE_PRIVATE_KEY: simulator.privateKeyPem,
      VONAGE_API_URL: simulator.operatorUrl,
      VONAGE_TOKEN_URL: simulator.tokenUrl,
      VONAGE_REDIRECT_URI: redirectUri,
      RATE_LIMIT_NUMBER_PER_HOUR: '0',
      ...receiptSettings(),
    }),
  )
  return {
    simulator,
    async close() {
      await service.close()
      await simulator.close()
    },
  }
}

async function findFreePort(): Promise<number> {
  const server = createServer()
  const url = await listenOnLoopback(server)
  await new Promise((resolve) => server.close(resolve))
  return Number(new URL(url).port)
}

/** Listens on a free port; gives the origin. */
export async function listenOnLoopback(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
