/** What is allowed and yet mostly a mistake. Each warning begins with its variable. */
import { isIP } from 'node:net'
import { landingPath, type Settings } from '../settings.ts'

/** A wider range is more than any network of one's own. */
const widestPrefix = { ipv4: 8, ipv6: 32 }

/** Logged at each start, and shown by the check. */
export function* startWarnings(config: Settings): Generator<string> {
  const { VONAGE_REDIRECT_URI: redirectUri } = config
  if (redirectUri !== undefined && new URL(redirectUri).pathname !== landingPath)
    yield `VONAGE_REDIRECT_URI: its path is not ${landingPath}, where the landing page is: unless something in front rewrites it, no device will land`
}

/** For the check alone: known to whoever decided so, and not worth a line at each start. */
export function* checkWarnings(config: Settings): Generator<string> {
  if (config.REDIS_URL === undefined)
    yield 'REDIS_URL: not set, so state and limits are in memory: run one replica only'
  if (isConfusable(config))
    yield 'RECEIPT_AUDIENCE: it is AUTH_AUDIENCE, with one issuer for both: nothing but their type tells receipts from access tokens, name another audience'
  if (config.TRUSTED_PROXIES.some(isWide))
    yield `TRUSTED_PROXIES: a range is wider than /${widestPrefix.ipv4} (IPv6: /${widestPrefix.ipv6}); who is in it chooses its own address`
  if (config.ALLOW_INSECURE_UPSTREAM)
    yield 'ALLOW_INSECURE_UPSTREAM: tokens and numbers may leave over plain http'
}

/** Then only the type of a token tells a receipt from an access token. */
function isConfusable({ AUTH_ISSUER, AUTH_AUDIENCE, RECEIPT_ISSUER, RECEIPT_AUDIENCE }: Settings): boolean {
  if (RECEIPT_ISSUER === undefined || ![AUTH_ISSUER].flat().includes(RECEIPT_ISSUER)) return false
  return RECEIPT_AUDIENCE.some((audience) => [AUTH_AUDIENCE].flat().includes(audience))
}

function isWide(range: string): boolean {
  const [address = '', prefix] = range.split('/')
  return (
    prefix !== undefined && Number(prefix) < (isIP(address) === 4 ? widestPrefix.ipv4 : widestPrefix.ipv6)
  )
}
