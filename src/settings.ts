/**
 * The list of settings: name, type, bounds, default and meaning. `config.ts` reads it, and the README's table and .env.example
 * are written from it.
 */
import { type Static, Type } from '@sinclair/typebox'
import {
  certificateText,
  integer,
  list,
  privateKeyText,
  requiredList,
  secretText,
  text,
} from './settings/shapes.ts'

/** How long a client may take to send one request. A start must be over before. */
export const requestTimeoutMs = 10_000

/** Where the redirect lands, on the public listener. */
export const landingPath = '/v1/network-enablement/callback'

const receiptKeyKinds = ['EC P-256', 'Ed25519', 'RSA']
const asymmetricAlgorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA'.split(' ')

/** The one list of settings. `default` absent and not optional: required. `secret`: also accepted as `NAME_FILE`. */
export const settings = Type.Object({
  HOST: text('Address of the public listener.', '0.0.0.0'),
  PORT: integer('Port of the public listener; 0 takes a free one.', 3000, 0, 65_535),
  MANAGEMENT_HOST: text('Address of the management listener. Keep it off the internet.', '127.0.0.1'),
  MANAGEMENT_PORT: integer('Port of the management listener; 0 takes a free one.', 9464, 0, 65_535),
  LOG_LEVEL: Type.Unsafe<'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'>(
    Type.Union(
      ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'].map((level) => Type.Literal(level)),
      { description: 'fatal, error, warn, info, debug, trace or silent.', default: 'info' },
    ),
  ),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.Optional(
    text(
      'Base URL of an OpenTelemetry collector (OTLP over HTTP), such as http://localhost:4318. None: no traces.',
    ),
  ),
  OTEL_SERVICE_NAME: text('The name of the service in traces.', 'network-enablement-bff'),
  TRUSTED_PROXIES: list(
    'Addresses or CIDR ranges whose X-Forwarded-For is believed. A hop count is refused.',
    [],
  ),
  AUTH_ISSUER: requiredList(
    'The `iss` of the access tokens; the keys are discovered from it. Several: each with its own keys. No URL: set AUTH_JWKS_URI.',
  ),
  AUTH_AUDIENCE: list(
    'The `aud` that an access token must name, one of these. Required unless AUTH_CLIENT_IDS is set.',
    [],
  ),
  AUTH_CLIENT_IDS: list(
    'The clients whose access tokens are accepted, by `client_id`, `azp`, `cid` or `appid`. None: any client.',
    [],
  ),
  AUTH_REQUIRED_CLAIMS: list(
    'Claims that every access token must have, as `name=value`, such as `token_use=access`; `a.b` is the member b of a.',
    [],
    Type.String({ pattern: '^[^=]+=.' }),
    'a list of name=value, such as token_use=access',
  ),
  AUTH_JWKS_URI: Type.Optional(text('URL of the key set, instead of discovery.')),
  AUTH_ALGORITHMS: list(
    'Signature algorithms accepted; asymmetric only.',
    ['RS256', 'PS256', 'ES256', 'EdDSA'],
    Type.Union(asymmetricAlgorithms.map((algorithm) => Type.Literal(algorithm))),
  ),
  AUTH_TOKEN_TYPES: list('Values of `typ` accepted. Some providers send `JWT`; `none` is a token without.', [
    'at+jwt',
  ]),
  AUTH_REQUIRED_SCOPE: Type.Optional(text('A scope that every access token must carry.')),
  AUTH_PHONE_NUMBER_CLAIM: Type.Optional(
    text('A claim that must equal the requested number, with or without its `+`.'),
  ),
  AUTH_INTROSPECTION_URI: Type.Optional(
    text(
      'Where tokens that are no JWTs are asked for (RFC 7662), with the client id and secret below. None: refused.',
    ),
  ),
  AUTH_INTROSPECTION_CLIENT_ID: Type.Optional(text('Our client id at AUTH_INTROSPECTION_URI.')),
  AUTH_INTROSPECTION_CLIENT_SECRET: Type.Optional(secretText('Our secret there, sent as HTTP Basic.')),
  AUTH_CLOCK_TOLERANCE_SECONDS: integer('Clock difference allowed for `exp` and `nbf`.', 5, 0, 60),
  VONAGE_APPLICATION_ID: text('Id of the Vonage application.'),
  VONAGE_PRIVATE_KEY: privateKeyText('Its private key: PEM (PKCS#8 or PKCS#1), RSA of 2048 bits or more.', [
    'RSA',
  ]),
  VONAGE_PRIVATE_KEY_NEXT: Type.Optional(
    privateKeyText('A second key, used from when Vonage accepts it and not the first. For a change of key.', [
      'RSA',
    ]),
  ),
  VONAGE_PRODUCT: Type.Unsafe<'network_enablement' | 'verify'>(
    Type.Union(
      ['network_enablement', 'verify'].map((product) => Type.Literal(product)),
      {
        description:
          'What starts verifications: network_enablement (with Number Verification), or verify (Verify v2, which Vonage recommends).',
        default: 'network_enablement',
      },
    ),
  ),
  VONAGE_REDIRECT_URI: Type.Optional(
    text(
      `URL of the landing page, exactly as registered: https://<public host>${landingPath}. Required with network_enablement.`,
    ),
  ),
  VONAGE_API_URL: text('Base URL of the API.', 'https://api-eu.vonage.com'),
  VONAGE_TOKEN_URL: text(
    'The token endpoint, where a code is exchanged.',
    'https://api-eu-3.vonage.com/oauth2/token',
  ),
  VONAGE_VERIFY_URL: text('Base URL of Verify v2, without /v2/verify.', 'https://api.nexmo.com'),
  VONAGE_BRAND: Type.Optional(
    Type.String({
      pattern: '^[^/{}:$]{1,18}$',
      description:
        'The name that Verify v2 shows to users: 1 to 18 characters, none of / { } : $. Required with verify and with SMS_FALLBACK.',
    }),
  ),
  SMS_FALLBACK: Type.Boolean({
    description:
      'Sends codes by text message where silent verification fails: `POST /v1/sms-verification`. By Verify v2, whatever the product.',
    default: false,
  }),
  SMS_CODE_LENGTH: integer('Digits of such a code.', 6, 4, 10),
  SMS_LOCALE: Type.String({
    pattern: '^[a-z]{2}-[a-z]{2}$',
    description: 'Language of the message, such as en-us or es-es.',
    default: 'en-us',
  }),
  SMS_SENDER: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9 ]{1,15}$',
      description: 'Who the message comes from: a name or a number without plus sign. None: Vonage chooses.',
    }),
  ),
  VONAGE_SCOPES: list('Scopes that an app may ask for; the first is the default.', [
    'dpv:FraudPreventionAndDetection#number-verification-verify-read',
  ]),
  VONAGE_REQUESTS_PER_SECOND: integer("The account's quota for Network Enablement calls.", 10, 1, 1000),
  VONAGE_AUTH_URL_HOSTS: list('Hosts, or `*.suffix`, that an `auth_url` may have. None: any https host.', []),
  ALLOW_INSECURE_UPSTREAM: Type.Boolean({
    description: 'Allows plain http to hosts other than loopback, such as in a compose network.',
    default: false,
  }),
  START_TIMEOUT_MS: integer('Deadline of a start.', 5000, 100, requestTimeoutMs - 1),
  FINISH_TIMEOUT_MS: integer(
    'Deadline of a finish: both upstream calls. Below the 30 s of a phone.',
    10_000,
    100,
    25_000,
  ),
  STATE_TTL_SECONDS: integer('How long a started verification may take.', 300, 10, 3600),
  STATE_MAX_ENTRIES: integer('Live states in memory; at the cap new starts get 503.', 100_000, 1, 10_000_000),
  STATE_MAX_PER_CALLER: integer('Live states of one subject; its oldest goes for a new one.', 5, 1, 100),
  REDIS_URL: Type.Optional(
    Type.Unsafe<string[]>(
      Type.Array(Type.String(), {
        secret: true,
        description:
          'Keeps state and limits for several replicas: a `redis://` or `rediss://` URL; several for a cluster or sentinels. None: memory.',
      }),
    ),
  ),
  REDIS_CLUSTER: Type.Boolean({
    description:
      'REDIS_URL names a node of a cluster, or its configuration endpoint. Several URLs without sentinels mean that anyway.',
    default: false,
  }),
  REDIS_SENTINEL_MASTER: Type.Optional(text('Name of the master; REDIS_URL then names sentinels.')),
  REDIS_CA: Type.Optional(certificateText('PEM of the authority of a `rediss://` server.')),
  REDIS_CERTIFICATE: Type.Optional(certificateText('PEM of our client certificate.')),
  REDIS_KEY: Type.Optional(privateKeyText('PEM of its key.', 'any')),
  RATE_LIMIT_ADDRESS_PER_MINUTE: integer(
    'Requests of one address (IPv6: /64) to the API. Wide, since phones share a carrier-NAT address. 0: off.',
    1200,
    0,
    1_000_000,
  ),
  RATE_LIMIT_CALLER_PER_MINUTE: integer(
    'Requests of one caller; a verification takes two. 0: off.',
    20,
    0,
    1_000_000,
  ),
  RATE_LIMIT_NUMBER_PER_HOUR: integer('Starts for one number, of all callers. 0: off.', 10, 0, 1_000_000),
  RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY: integer(
    'Different numbers that one caller may ask about. 0: off.',
    3,
    0,
    1000,
  ),
  RATE_LIMIT_SMS_PER_NUMBER_PER_HOUR: integer('Messages to one number, for all callers. 0: off.', 3, 0, 1000),
  RECEIPT_PRIVATE_KEY: Type.Optional(
    privateKeyText(
      'Turns receipts on and signs them: PEM of EC P-256, Ed25519, or RSA of 2048 bits or more. None: no receipts.',
      receiptKeyKinds,
    ),
  ),
  RECEIPT_PRIVATE_KEY_NEXT: Type.Optional(
    privateKeyText(
      'Published beside it, without signing: the next key before a change of key, the former one after it.',
      receiptKeyKinds,
    ),
  ),
  RECEIPT_ISSUER: Type.Optional(
    text('The `iss` of receipts: the https URL of this service. Required with a key for receipts.'),
  ),
  RECEIPT_AUDIENCE: list(
    'The `aud` of receipts: who may rely on them. Required with a key for receipts.',
    [],
  ),
  RECEIPT_LIFETIME_SECONDS: integer('How long a receipt is good.', 300, 30, 3600),
  ALLOWED_CALLING_CODES: list(
    'Calling codes accepted, such as `34,49,990`. None: all.',
    [],
    Type.String({ pattern: '^[1-9][0-9]{0,6}$' }),
    'calling codes without plus sign or leading zero, separated by commas, such as 34,49,990',
  ),
  SHUTDOWN_DELAY_MS: integer(
    'On SIGTERM: how long to go on serving, not ready, before closing.',
    0,
    0,
    60_000,
  ),
  SHUTDOWN_TIMEOUT_MS: integer('Time for the requests under way after that.', 10_000, 100, 120_000),
  KEEP_ALIVE_TIMEOUT_SECONDS: integer(
    'How long an idle connection is kept: longer than the balancer in front keeps it.',
    65,
    5,
    3600,
  ),
  MAX_HEADER_BYTES: integer(
    'Longest request line and headers together; for access tokens that are large.',
    8192,
    8192,
    32_768,
  ),
})

export type Settings = Static<typeof settings>
