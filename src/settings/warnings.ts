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
  yield* tokenWarnings(config)
}

/** What lets tokens in that were not meant for an API, such as ID tokens. */
function* tokenWarnings(config: Settings): Generator<string> {
  const { AUTH_REQUIRED_SCOPE: scope, AUTH_REQUIRED_CLAIMS: claims, AUTH_INTROSPECTION_URI: uri } = config
  const isOpen = scope === undefined && claims.length === 0
  const types = config.AUTH_TOKEN_TYPES.map((type) => type.toLowerCase().replace(/^application\//, ''))
  if (isOpen && (types.includes('jwt') || types.includes('none')))
    yield 'AUTH_TOKEN_TYPES: JWT or none is allowed with neither AUTH_REQUIRED_SCOPE nor AUTH_REQUIRED_CLAIMS, so an ID token might pass: set one of them'
  if (isOpen && uri !== undefined)
    yield 'AUTH_INTROSPECTION_URI: set with neither AUTH_REQUIRED_SCOPE nor AUTH_REQUIRED_CLAIMS, so a refresh token might pass: set one of them'
  if (config.AUTH_AUDIENCE.some((audience) => config.AUTH_CLIENT_IDS.includes(audience)))
    yield 'AUTH_AUDIENCE: one of them is a client of AUTH_CLIENT_IDS too, which is the audience of its ID tokens: name the API instead'
  if (uri?.startsWith('http:'))
    yield 'AUTH_INTROSPECTION_URI: without TLS, so that tokens and our secret can be read on the way'
}

/** For the check alone: known to whoever decided so, and not worth a line at each start. */
export function* checkWarnings(config: Settings): Generator<string> {
  if (config.REDIS_URL === undefined)
    yield 'REDIS_URL: not set, so state and limits are in memory: run one replica only'
  if (isConfusable(config))
    yield 'RECEIPT_AUDIENCE: it is AUTH_AUDIENCE, with one issuer for both: nothing but their type tells receipts from access tokens, name another audience'
  if (config.TRUSTED_PROXIES.some(isWide))
    yield `TRUSTED_PROXIES: a range is wider than /${widestPrefix.ipv4} (IPv6: /${widestPrefix.ipv6}); who is in it chooses its own address`
  if (config.SMS_FALLBACK && config.ALLOWED_CALLING_CODES.length === 0)
    yield 'ALLOWED_CALLING_CODES: not set with SMS_FALLBACK, so messages go to every country: fraud with expensive numbers lives on that'
  if (config.ALLOW_INSECURE_UPSTREAM)
    yield 'ALLOW_INSECURE_UPSTREAM: tokens and numbers may leave over plain http'
}

/** Then only the type of a token tells a receipt from an access token. */
function isConfusable({ AUTH_ISSUER, AUTH_AUDIENCE, RECEIPT_ISSUER, RECEIPT_AUDIENCE }: Settings): boolean {
  if (RECEIPT_ISSUER === undefined || !AUTH_ISSUER.includes(RECEIPT_ISSUER)) return false
  return RECEIPT_AUDIENCE.some((audience) => AUTH_AUDIENCE.includes(audience))
}

function isWide(range: string): boolean {
  const [address = '', prefix] = range.split('/')
  return (
    prefix !== undefined && Number(prefix) < (isIP(address) === 4 ? widestPrefix.ipv4 : widestPrefix.ipv6)
  )
}
