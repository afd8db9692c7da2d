/**
 * The simulator in this process and the service as a child process, connected, on loopback ports.
 * Used by the demo and by the browser test.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Simulator, startSimulator } from '../simulator/simulator.ts'

const root = join(import.meta.dirname, '..')
/** How many lines of the service's output an error shows. */
const shownLines = 20

export interface LocalWorld {
  simulator: Simulator
  serviceUrl: string
  managementUrl: string
  /** Resolves with the service's last lines when it ends without `close`. */
  serviceEnded: Promise<string>
  /** Stops both, and waits for it. Safe to call twice. */
  close(): Promise<void>
}

/** Wanted ports; a taken one, and one that is not given, becomes a free one. */
export interface Ports {
  service?: number
  management?: number
  operator?: number
  identityProvider?: number
}

/** Whoever relies on receipts here. */
export const receiptAudience = 'https://backends.example'

export const products = ['network_enablement', 'verify'] as const
/** What Vonage starts verifications with. */
export type Product = (typeof products)[number]

/** Resolves when the service listens. @throws Error with what the service printed, when it ends instead */
export async function openLocalWorld(
  ports: Ports = {},
  product: Product = 'network_enablement',
): Promise<LocalWorld> {
  // The redirect URI is registered before the service starts, so its port must be known.
  const port = await takePort(ports.service)
  const redirectUri = `http://127.0.0.1:${port}/v1/network-enablement/callback`
  const simulator = await startSimulator({
    redirectUri,
    operatorPort: await takePort(ports.operator),
    identityProviderPort: await takePort(ports.identityProvider),
  })
  const service = spawn(process.execPath, ['src/main.ts'], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
    // Nothing of the shell's own settings.
    env: {
      HOST: '127.0.0.1',
      PORT: String(port),
      MANAGEMENT_PORT: String(await takePort(ports.management)),
      AUTH_ISSUER: simulator.issuer,
      AUTH_AUDIENCE: simulator.audience,
      VONAGE_APPLICATION_ID: simulator.applicationId,
      VONAGE_PRIVATE_KEY: simulator.privateKeyPem,
      VONAGE_PRODUCT: product,
      VONAGE_BRAND: 'Demo',
      VONAGE_VERIFY_URL: simulator.operatorUrl,
      VONAGE_API_URL: simulator.operatorUrl,
      VONAGE_TOKEN_URL: simulator.tokenUrl,
      VONAGE_REDIRECT_URI: redirectUri,
      SMS_FALLBACK: 'true',
      RECEIPT_PRIVATE_KEY: createReceiptKey(),
      RECEIPT_ISSUER: `http://127.0.0.1:${port}`,
      RECEIPT_AUDIENCE: receiptAudience,
      // Made for attackers, and in the way of people who play.
      RATE_LIMIT_NUMBER_PER_HOUR: '0',
      RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY: '0',
      RATE_LIMIT_SMS_PER_NUMBER_PER_HOUR: '0',
    },
  })
  const ended = new Promise<void>((resolve) => service.once('close', () => resolve()))
  const lines: string[] = []

  async function close(): Promise<void> {
    if (isRunning(service)) service.kill('SIGTERM')
    await Promise.all([ended, simulator.close()])
  }

  const listening = readListeningLine(service, lines)
  const addresses = await Promise.race([listening, ended])
  if (!addresses) {
    await simulator.close()
    throw new Error(`the service did not start:\n${lines.join('\n')}`)
  }
  return {
    simulator,
    serviceUrl: addresses.url,
    managementUrl: addresses.management_url,
    serviceEnded: ended.then(() => lines.join('\n')),
    close,
  }
}

function createReceiptKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

interface ListeningLine {
  url: string
  management_url: string
}

/** Keeps the last lines of the service's output, and resolves with the one that says where it listens. */
function readListeningLine(service: ChildProcess, lines: string[]): Promise<ListeningLine> {
  return new Promise((resolve) => {
    for (const stream of [service.stdout, service.stderr]) {
      if (!stream) continue
      createInterface({ input: stream }).on('line', (line) => {
        lines.push(line)
        if (lines.length > shownLines) lines.shift()
        if (line.includes('"msg":"listening"')) resolve(JSON.parse(line))
      })
    }
  })
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null
}

/** The wanted port if nobody has it, else a free one. */
async function takePort(wanted = 0): Promise<number> {
  const server = createServer()
  const listening = (port: number) =>
    new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => resolve(true))
    })
  if (!(await listening(wanted))) await listening(0)
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}
