/**
 * What `--check-config` says before a roll-out: the settings in effect, whether the keys sign, what is risky, and with `--live`
 * whether what the service needs can be reached. Loaded by `main.ts` only when asked for. Never shows a secret.
 */
import { createPrivateKey, createPublicKey, verify } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { type Config, secretNames } from './config.ts'
import { type PhoneNumber, parsePhoneNumber } from './core/phone-number.ts'
import { type Check, liveChecks } from './live-checks.ts'
import { kindOf } from './settings/key-text.ts'
import { checkWarnings, startWarnings } from './settings/warnings.ts'
import { settings } from './settings.ts'
import { createApplicationJwt } from './vonage/application-jwt.ts'

/** For each thing that is asked. */
const checkTimeoutMs = 3000

type Name = keyof typeof settings.properties

export interface PreflightOptions {
  live: boolean
  /** With `live`: of the virtual operator, in E.164 form. Vonage is then asked about it, once. */
  number?: string | undefined
  print: (line: string) => void
  warn: (line: string) => void
}

/** @returns whether all that was checked is well; a warning does not count */
export async function preflight(config: Config, options: PreflightOptions): Promise<boolean> {
  const { live, print, warn } = options
  const number = virtualNumber(options)
  if (options.number !== undefined && !number) {
    warn(
      '--number: goes with --live, and takes a number of the virtual operator alone: +990 and 4 to 12 digits',
    )
    return false
  }
  for (const name of Object.keys(settings.properties) as Name[]) {
    print(`${name}=${shown(config, name)}`)
    const file = `${name}_FILE` as const
    if (config[file] !== undefined) print(`${file}=${config[file]}`)
  }
  for (const warning of [...startWarnings(config), ...checkWarnings(config)]) warn(warning)
  const checks = [...keyChecks(config), ...(live ? liveChecks(config, number, warn) : [])]
  const results = await Promise.all(checks.map(([, attempt]) => resultOf(attempt)))
  for (const [n, [name]] of checks.entries())
    print(`${name}: ${results[n]?.failure ? `failed ${results[n].failure}` : results[n]?.known}`)
  print(`not tried: ${notTried(live, number).join('; ')}`)
  return results.every(({ failure }) => failure === undefined)
}

/** Nobody's phone: its owner would else find out that somebody asked. */
function virtualNumber({ live, number = '' }: PreflightOptions): PhoneNumber | undefined {
  return live && number.startsWith('+990') ? parsePhoneNumber(number) : undefined
}

function notTried(live: boolean, number: PhoneNumber | undefined): string[] {
  if (!live) return ['whatever needs the network (add --live)']
  const always = ["a user's access token", 'VONAGE_REDIRECT_URI from outside', 'the exchange of a code']
  if (number) return always
  return [
    'whether Vonage takes application and key (add --number +99012345678: one call of the quota)',
    ...always,
  ]
}

function shown(config: Config, name: Name): string {
  const value = config[name]
  if (value === undefined) return ''
  return secretNames.includes(name) ? '[redacted]' : String(value)
}

function keyChecks(config: Config): Check[] {
  return (['VONAGE_PRIVATE_KEY', 'VONAGE_PRIVATE_KEY_NEXT'] as const).flatMap((name) => {
    const pem = config[name]
    return pem === undefined ? [] : [[name, () => signAndVerify(config.VONAGE_APPLICATION_ID, pem)]]
  })
}

async function signAndVerify(applicationId: string, pem: string): Promise<string> {
  const privateKey = createPrivateKey(pem)
  const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }
  const jwt = await createApplicationJwt({ applicationId, privateKey, clock }).current()
  const [header, payload, signature = ''] = jwt.split('.')
  if (
    !verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${payload}`),
      createPublicKey(privateKey),
      Buffer.from(signature, 'base64url'),
    )
  )
    throw new Error('its signature does not verify')
  const bits = privateKey.asymmetricKeyDetails?.modulusLength
  return `ok, ${kindOf(privateKey)} of ${bits} bits, signs what its public half verifies`
}

/** Exactly one of the two. */
type Result = { known: string; failure?: undefined } | { failure: string; known?: undefined }

async function resultOf(attempt: Check[1]): Promise<Result> {
  const over = new AbortController()
  const late = setTimeout(checkTimeoutMs, { failure: 'TIMEOUT' }, { signal: over.signal }).catch(() => ({
    failure: '',
  }))
  try {
    const attempted = attempt(over.signal).then(
      (known): Result => ({ known }),
      (error): Result => ({ failure: reasonOf(error) }),
    )
    return await Promise.race([attempted, late])
  } finally {
    over.abort()
  }
}

/** A code where there is one. The texts of our own errors say what is wrong; others may quote what came. */
function reasonOf(error: Error & { code?: unknown; note?: unknown }): string {
  if (typeof error.code === 'string') return error.note ? `${error.code} (${error.note})` : error.code
  if (error.cause instanceof Error) return reasonOf(error.cause)
  if (error.name === 'ReplyError') return error.message.replace(/ .*/s, '')
  return error.name === 'Error' ? error.message : error.name
}
