/**
 * What `--check-config` says before a roll-out: the settings in effect, whether the keys sign, what is risky, and with `--live`
 * whether what the service needs can be reached. Loaded by `main.ts` only when asked for. Never shows a secret.
 */
import { createPrivateKey, createPublicKey, type KeyObject, verify } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { type Config, secretNames } from './config.ts'
import { type PhoneNumber, parsePhoneNumber } from './core/phone-number.ts'
import type { KeySetting } from './key-files.ts'
import { type Check, liveChecks } from './live-checks.ts'
import { createReceipts } from './receipts/receipts.ts'
import { kindOf } from './settings/key-text.ts'
import { checkWarnings, startWarnings } from './settings/warnings.ts'
import { settings } from './settings.ts'
import { checkToken } from './token-check.ts'
import { createApplicationJwt } from './vonage/application-jwt.ts'

/** For each thing that is asked. */
const checkTimeoutMs = 3000

const clock = { monotonicMs: () => performance.now(), wallMs: () => Date.now() }

const ignore = () => undefined

type Name = keyof typeof settings.properties

export interface PreflightOptions {
  live: boolean
  /** With `live`: of the virtual operator, in E.164 form. Vonage is then asked about it, once. */
  number?: string | undefined
  /** Of a file with an access token to try, or `-`. */
  tokenFile?: string | undefined
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
  const { tokenFile } = options
  const accepted = tokenFile === undefined || (await checkToken(config, tokenFile, clock, print))
  print(`not tried: ${notTried(live, number, tokenFile !== undefined).join('; ')}`)
  return accepted && results.every(({ failure }) => failure === undefined)
}

/** Nobody's phone: its owner would else find out that somebody asked. */
function virtualNumber({ live, number = '' }: PreflightOptions): PhoneNumber | undefined {
  const phoneNumber = live ? parsePhoneNumber(number) : undefined
  return phoneNumber?.isVirtual ? phoneNumber : undefined
}

function notTried(live: boolean, number: PhoneNumber | undefined, withToken: boolean): string[] {
  if (!live) return ['whatever needs the network (add --live)']
  const token = withToken ? [] : ["a user's access token (add --token-file FILE, or - for standard input)"]
  const always = [...token, 'VONAGE_REDIRECT_URI from outside', 'the exchange of a code']
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
  const checks: Record<KeySetting, (pem: string) => Promise<string>> = {
    VONAGE_PRIVATE_KEY: (pem) => tryApplicationKey(config, pem),
    VONAGE_PRIVATE_KEY_NEXT: (pem) => tryApplicationKey(config, pem),
    RECEIPT_PRIVATE_KEY: (pem) => tryReceiptKey(config, pem),
    RECEIPT_PRIVATE_KEY_NEXT: (pem) => tryReceiptKey(config, pem),
  }
  return Object.entries(checks).flatMap(([name, attempt]) => {
    const pem = config[name as KeySetting]
    return pem === undefined ? [] : [[name, () => attempt(pem)]]
  })
}

async function tryApplicationKey(config: Config, pem: string): Promise<string> {
  const privateKey = createPrivateKey(pem)
  const applicationId = config.VONAGE_APPLICATION_ID
  return judge(await createApplicationJwt({ applicationId, privateKey, clock }).current(), privateKey)
}

async function tryReceiptKey(config: Config, pem: string): Promise<string> {
  const privateKey = createPrivateKey(pem)
  const receipts = await createReceipts({
    issuer: String(config.RECEIPT_ISSUER),
    audience: config.RECEIPT_AUDIENCE,
    lifetimeSeconds: config.RECEIPT_LIFETIME_SECONDS,
    signing: privateKey,
    next: undefined,
    clock,
    events: ignore,
    onFailure: ignore,
  })
  const caller = { subject: '-', sub: '-', pseudonym: '-' }
  const phoneNumber = parsePhoneNumber('+99012345678') as PhoneNumber
  const receipt = await receipts.sign({ caller, phoneNumber, method: 'network' })
  const shown = receipts.keySet().keys.map(({ kid, alg }) => `, ${alg}, kid ${kid}`)
  return judge(String(receipt), privateKey, shown.join())
}

/** @param more what else to say of a good key */
function judge(jwt: string, privateKey: KeyObject, more = ''): string {
  const [header, payload, signature = ''] = jwt.split('.')
  const digest = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  const publicKey = { key: createPublicKey(privateKey), dsaEncoding: 'ieee-p1363' as const }
  const signed = Buffer.from(`${header}.${payload}`)
  if (!verify(digest, signed, publicKey, Buffer.from(signature, 'base64url')))
    throw new Error('its signature does not verify')
  const bits = privateKey.asymmetricKeyDetails?.modulusLength
  const kind = `${kindOf(privateKey)}${bits === undefined ? '' : ` of ${bits} bits`}`
  return `ok, ${kind}${more}, signs what its public half verifies`
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

/** A code where there is one. The texts of our own errors say what is wrong; others may quote what came, but for their first word. */
function reasonOf(error: Error & { code?: unknown; note?: unknown }): string {
  if (typeof error.code === 'string') return error.note ? `${error.code} (${error.note})` : error.code
  return error.name === 'Error' ? error.message : error.message.replace(/ .*/s, '')
}
