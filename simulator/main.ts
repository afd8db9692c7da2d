/**
 * `npm run simulator`: the simulator as a process of its own, with settings from the environment.
 * Prints the environment that the service needs to use it; everything else on stdout is a comment of that file.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { clientSecret } from './identity-provider.ts'
import { type Simulator, startSimulator } from './simulator.ts'

const {
  SIMULATOR_HOST = '127.0.0.1',
  SIMULATOR_PORT = '4000',
  SIMULATOR_IDP_PORT = '4001',
  SIMULATOR_REDIRECT_URI = 'http://127.0.0.1:3000/v1/network-enablement/callback',
  SIMULATOR_REQUESTS_PER_SECOND = '10',
  SIMULATOR_SERVICE_URL,
  SIMULATOR_OPERATOR_URL,
  SIMULATOR_ISSUER,
  SIMULATOR_APPLICATION_ID,
  SIMULATOR_PRIVATE_KEY_FILE,
} = process.env

const sharedKeyFile = SIMULATOR_PRIVATE_KEY_FILE ? resolve(SIMULATOR_PRIVATE_KEY_FILE) : undefined
const sharedKey = sharedKeyFile && existsSync(sharedKeyFile) ? readFileSync(sharedKeyFile, 'utf8') : undefined

const simulator = await startSimulator({
  host: SIMULATOR_HOST,
  redirectUri: SIMULATOR_REDIRECT_URI,
  operatorPort: parseInteger('SIMULATOR_PORT', SIMULATOR_PORT),
  identityProviderPort: parseInteger('SIMULATOR_IDP_PORT', SIMULATOR_IDP_PORT),
  requestsPerSecond: parseInteger('SIMULATOR_REQUESTS_PER_SECOND', SIMULATOR_REQUESTS_PER_SECOND),
  ...(sharedKey && { privateKeyPem: sharedKey }),
  ...(SIMULATOR_SERVICE_URL && { serviceUrl: SIMULATOR_SERVICE_URL }),
  ...(SIMULATOR_OPERATOR_URL && { operatorUrl: SIMULATOR_OPERATOR_URL }),
  ...(SIMULATOR_ISSUER && { issuer: SIMULATOR_ISSUER }),
  ...(SIMULATOR_APPLICATION_ID && { applicationId: SIMULATOR_APPLICATION_ID }),
})

// Without a file to share, the key lies in a folder of this run, which goes with it.
const ownFolder = sharedKeyFile ? undefined : mkdtempSync(join(tmpdir(), 'simulator-'))
const keyFile = sharedKeyFile ?? join(ownFolder ?? '', 'private-key.pem')
if (!sharedKey) {
  // A shared file is readable by everyone, since a service in another container may run as another user.
  // The key is new and opens nothing but this simulator.
  writeFileSync(keyFile, simulator.privateKeyPem, { mode: sharedKeyFile ? 0o644 : 0o600 })
}
console.log(instructions(simulator))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await simulator.close()
    if (ownFolder) rmSync(ownFolder, { recursive: true })
  })
}

function instructions(running: Simulator): string {
  return [
    '# The simulator runs. Environment of a service that uses it:',
    `AUTH_ISSUER=${running.issuer}`,
    `AUTH_AUDIENCE=${running.audience}`,
    `VONAGE_APPLICATION_ID=${running.applicationId}`,
    `VONAGE_PRIVATE_KEY_FILE=${keyFile}`,
    `VONAGE_REDIRECT_URI=${SIMULATOR_REDIRECT_URI}`,
    `VONAGE_API_URL=${running.operatorUrl}`,
    `VONAGE_TOKEN_URL=${running.tokenUrl}`,
    ...([running.operatorUrl, running.issuer].every(isLoopback) ? [] : ['ALLOW_INSECURE_UPSTREAM=true']),
    '',
    '# A page that looks like a phone and walks the whole flow:',
    `# ${running.phonePageUrl}`,
    '',
    '# An access token of the caller alice, in the member access_token of the answer:',
    `# curl -s ${running.issuerTokenUrl} -d grant_type=client_credentials -d client_id=alice -d client_secret=${clientSecret}`,
  ].join('\n')
}

function isLoopback(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
}

function parseInteger(name: string, text: string): number {
  if (/^\d{1,5}$/.test(text)) return Number(text)
  console.error(`${name} must be a whole number`)
  process.exit(1)
}
