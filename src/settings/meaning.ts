/** What is wrong with settings that a schema cannot tell. Each problem says what is wrong and what to do, and holds no value. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import type { Settings } from '../settings.ts'
import { upstreamUrlFault } from './upstream-url.ts'

const upstreamUrls = [
  'AUTH_JWKS_URI',
  'AUTH_INTROSPECTION_URI',
  'VONAGE_API_URL',
  'VONAGE_TOKEN_URL',
  'VONAGE_REDIRECT_URI',
  'VONAGE_VERIFY_URL',
  'RECEIPT_ISSUER',
] as const

type Problem = [name: keyof Settings, problem: string]

/**
 * @param config only settings that are well by their schema
 * @param isGiven also when it is wrong, so that nothing is said twice
 */
export function* meaningProblems(
  config: Partial<Settings>,
  isGiven: (name: keyof Settings) => boolean,
): Generator<Problem> {
  const allowHttp = config.ALLOW_INSECURE_UPSTREAM === true
  for (const name of upstreamUrls) yield* urlProblems(name, config[name], allowHttp)
  yield* authProblems(config, isGiven, allowHttp)
  // Spans hold nothing personal, and a collector in the same network commonly speaks plain http.
  yield* urlProblems('OTEL_EXPORTER_OTLP_ENDPOINT', config.OTEL_EXPORTER_OTLP_ENDPOINT, true)
  if (config.TRUSTED_PROXIES?.some((range) => !isAddressRange(range)))
    yield [
      'TRUSTED_PROXIES',
      'expected addresses or CIDR ranges, such as 10.0.0.0/8: neither a hop count nor a name is accepted',
    ]
  for (const name of ['AUTH_ISSUER', 'AUTH_ALGORITHMS', 'AUTH_TOKEN_TYPES', 'VONAGE_SCOPES'] as const)
    if (config[name]?.length === 0)
      yield [
        name,
        `expected at least one value${name === 'AUTH_ISSUER' ? '' : ': leave it out for the default'}`,
      ]
  if (config.REDIS_URL?.some((url) => !isRedisUrl(url)) || config.REDIS_URL?.length === 0)
    yield [
      'REDIS_URL',
      'expected redis:// or rediss:// URLs, separated by commas, with special characters of a password in percent codes',
    ]
  if (config.VONAGE_AUTH_URL_HOSTS?.some((host) => !/^(\*\.)?[a-z0-9.-]+$/.test(host)))
    yield [
      'VONAGE_AUTH_URL_HOSTS',
      'expected host names in lower case, or *.suffix: neither a scheme nor a port nor a path',
    ]
  if (isGiven('REDIS_CERTIFICATE') !== isGiven('REDIS_KEY'))
    yield [
      isGiven('REDIS_KEY') ? 'REDIS_CERTIFICATE' : 'REDIS_KEY',
      'required where the other of REDIS_CERTIFICATE and REDIS_KEY is set: give both',
    ]
  if (!belongTogether(config))
    yield ['REDIS_KEY', 'it is not the key of REDIS_CERTIFICATE: give the two that were made together']
  yield* productProblems(config)
  yield* receiptProblems(isGiven)
  if (listenOnTheSame(config))
    yield [
      'MANAGEMENT_PORT',
      'expected another port than PORT: both listeners cannot have one, 9464 is the default',
    ]
}

/** What only one product needs. */
function* productProblems(config: Partial<Settings>): Generator<Problem> {
  const { VONAGE_PRODUCT: product } = config
  if (product === 'network_enablement' && config.VONAGE_REDIRECT_URI === undefined)
    yield [
      'VONAGE_REDIRECT_URI',
      'required with VONAGE_PRODUCT=network_enablement: the URL that is registered at Vonage',
    ]
  if (config.SMS_FALLBACK && product !== 'verify' && config.VONAGE_BRAND === undefined)
    yield ['VONAGE_BRAND', 'required with SMS_FALLBACK=true: the name of your product, 1 to 18 characters']
  if (product === 'verify' && config.VONAGE_BRAND === undefined)
    yield [
      'VONAGE_BRAND',
      'required with VONAGE_PRODUCT=verify: the name of your product, 1 to 18 characters',
    ]
}

function* authProblems(
  config: Partial<Settings>,
  isGiven: (name: keyof Settings) => boolean,
  allowHttp: boolean,
): Generator<Problem> {
  const { AUTH_ISSUER: issuers = [], AUTH_JWKS_URI: jwksUri } = config
  if (jwksUri === undefined)
    for (const issuer of issuers) yield* urlProblems('AUTH_ISSUER', issuer, allowHttp)
  if (config.AUTH_AUDIENCE?.length === 0 && config.AUTH_CLIENT_IDS?.length === 0)
    yield [
      'AUTH_AUDIENCE',
      'required, and not set: name this API as the identity provider does, or set AUTH_CLIENT_IDS where tokens have no audience',
    ]
  for (const name of ['AUTH_JWKS_URI', 'AUTH_INTROSPECTION_URI'] as const)
    if (issuers.length > 1 && config[name] !== undefined)
      yield [name, 'goes with one AUTH_ISSUER: take the others away, or this']
  for (const name of ['AUTH_INTROSPECTION_CLIENT_ID', 'AUTH_INTROSPECTION_CLIENT_SECRET'] as const)
    if (isGiven(name) !== isGiven('AUTH_INTROSPECTION_URI'))
      yield [name, 'goes with AUTH_INTROSPECTION_URI: set URI, client id and secret, or none of them']
}

function* urlProblems(name: keyof Settings, url: string | undefined, allowHttp: boolean): Generator<Problem> {
  const fault = url === undefined ? undefined : upstreamUrlFault(url, allowHttp)
  if (fault !== undefined) yield [name, fault]
}

/** All together, or none: what stands alone would be off without a word. */
function* receiptProblems(isGiven: (name: keyof Settings) => boolean): Generator<Problem> {
  const [key, ...others] = ['RECEIPT_PRIVATE_KEY', 'RECEIPT_ISSUER', 'RECEIPT_AUDIENCE'] as const
  for (const name of isGiven(key) ? others : [])
    if (!isGiven(name)) yield [name, `required with ${key}, and not set: receipts say it`]
  for (const name of isGiven(key) ? [] : ([...others, 'RECEIPT_PRIVATE_KEY_NEXT'] as const))
    if (isGiven(name)) yield [name, `nothing without ${key}, which turns receipts on: set both, or neither`]
}

function listenOnTheSame({
  HOST = '',
  PORT,
  MANAGEMENT_HOST = '',
  MANAGEMENT_PORT,
}: Partial<Settings>): boolean {
  if (!PORT || PORT !== MANAGEMENT_PORT) return false
  const hosts = [HOST, MANAGEMENT_HOST].map((host) => (host === 'localhost' ? '127.0.0.1' : host))
  if (hosts[0] === hosts[1] || hosts.includes('::')) return true
  return hosts.includes('0.0.0.0') && !hosts.some((host) => isIP(host) === 6)
}

function belongTogether({ REDIS_CERTIFICATE: certificate, REDIS_KEY: key }: Partial<Settings>): boolean {
  if (certificate === undefined || key === undefined) return true
  return new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key))
}

function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, pathname, username, password } = new URL(text)
  if (/%(?![0-9a-f]{2})/i.test(username + password)) return false
  return /^rediss?:$/.test(protocol) && hostname !== '' && /^(\/\d*)?$/.test(pathname)
}

function isAddressRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const version = isIP(address)
  if (version === 0 || rest.length > 0) return false
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128))
}
