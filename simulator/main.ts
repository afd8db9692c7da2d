/**
 * `npm run simulator`: the simulator as a process of its own, with the options of `options.ts`.
 * Prints the environment that the service needs to use it; everything else on stdout is a comment of that file.
 */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { authorityFile, type DeviceOrigins, deviceOrigins, openHttps } from './https.ts'
import { clientSecret } from './identity-provider.ts'
import { readOptions } from './options.ts'
import { type Simulator, startSimulator } from './simulator.ts'

const options = await orExit(() => readOptions(process.argv.slice(2), process.env))
const devices = options.https ? await orExit(() => deviceOrigins(options)) : undefined
const serviceUrl = options['service-url'] ?? options['redirect-uri'] ?? 'http://127.0.0.1:3000'
const redirectUri =
  options['redirect-uri'] ?? `${devices?.service ?? serviceUrl}/v1/network-enablement/callback`

const sharedKeyFile = options['private-key-file'] && resolve(options['private-key-file'])
const sharedKey = sharedKeyFile && existsSync(sharedKeyFile) ? readFileSync(sharedKeyFile, 'utf8') : undefined

const simulator = await orExit(() =>
  startSimulator({
    host: devices ? '127.0.0.1' : options.host,
    redirectUri,
    serviceUrl,
    operatorPort: options.port,
    identityProviderPort: options['idp-port'],
    requestsPerSecond: options['requests-per-second'],
    ...(devices && { deviceUrl: devices.operator }),
    ...(sharedKey && { privateKeyPem: sharedKey }),
    ...(options['operator-url'] && { operatorUrl: options['operator-url'] }),
    ...(options.issuer && { issuer: options.issuer }),
    ...(options.idp && { idp: options.idp }),
    ...(options['application-id'] && { applicationId: options['application-id'] }),
  }),
)
const https = devices && (await orExit(() => openHttps(options, simulator, serviceUrl)))

// Without a file to share, the key lies in a folder of this run, which goes with it.
const ownFolder = sharedKeyFile ? undefined : mkdtempSync(join(tmpdir(), 'simulator-'))
const keyFile = sharedKeyFile ?? join(ownFolder ?? '', 'private-key.pem')
if (!sharedKey) {
  // A shared file is readable by everyone, since a service in another container may run as another user.
  // The key is new and opens nothing but this simulator.
  writeFileSync(keyFile, simulator.privateKeyPem, { mode: sharedKeyFile ? 0o644 : 0o600 })
}
console.log([...environment(simulator), ...(devices ? forApps(devices) : [])].join('\n'))

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await Promise.all([simulator.close(), https?.close()])
    if (ownFolder) rmSync(ownFolder, { recursive: true })
  })
}

function environment(running: Simulator): string[] {
  return [
    '# The simulator runs. Environment of a service that uses it:',
    ...Object.entries(running.identitySettings).map(([name, value]) => `${name}=${value}`),
    `VONAGE_APPLICATION_ID=${running.applicationId}`,
    `VONAGE_PRIVATE_KEY_FILE=${keyFile}`,
    `VONAGE_REDIRECT_URI=${redirectUri}`,
    `VONAGE_API_URL=${running.operatorUrl}`,
    `VONAGE_TOKEN_URL=${running.tokenUrl}`,
    `VONAGE_VERIFY_URL=${running.operatorUrl}`,
    'VONAGE_BRAND=Simulator',
    ...([running.operatorUrl, running.issuer].every(isLoopback) ? [] : ['ALLOW_INSECURE_UPSTREAM=true']),
    '# Made for attackers, and in the way of people who play:',
    'RATE_LIMIT_NUMBER_PER_HOUR=0',
    'RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY=0',
    '',
    '# A page that looks like a phone and walks the whole flow:',
    `# ${running.phonePageUrl}`,
    '',
    '# An access token of the caller alice, in the member access_token of the answer:',
    `# curl -s ${running.issuerTokenUrl} -d grant_type=client_credentials -d client_id=alice -d client_secret=${clientSecret}`,
  ]
}

function forApps({ service, identityProvider }: DeviceOrigins): string[] {
  return [
    '',
    `# For an app on a phone or an emulator, once it trusts ${authorityFile(options)}:`,
    `# the service         ${service}`,
    `# an access token     ${identityProvider}/token, with the members of the curl line above`,
  ]
}

function isLoopback(url: string): boolean {
  return /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(new URL(url).hostname)
}

/** @returns what the function gives; an error (a wrong option, a taken port, no openssl) ends the process with its message */
async function orExit<T>(attempt: () => T | Promise<T>): Promise<T> {
  try {
    return await attempt()
  } catch (error) {
    console.error(error instanceof Error ? error.message : String(error))
    process.exit(1)
  }
}
