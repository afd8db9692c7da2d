/** Wrong settings as operators really make them, and all that they are told: the variable, what is wrong, and what to do. */

import { generateKeyPairSync } from 'node:crypto'
import { test } from 'tap'
import type { Environment } from '../src/config.ts'
import { requiredSettings } from './support/environment.ts'
import { createRsaKeys, privatePem } from './support/keys.ts'
import { problemsOf } from './support/settings.ts'

const good = requiredSettings()
const rsa = createRsaKeys()
const publicPem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString()
const encryption = { cipher: 'aes-256-cbc', passphrase: 'canary' } as const
const encryptedPem = rsa.privateKey.export({ type: 'pkcs8', format: 'pem', ...encryption }).toString()
const ecPem = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey

const makeRsa = 'make one with openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048'
const plainHttp =
  'expected https: plain http is for loopback, or for a network of your own with ALLOW_INSECURE_UPSTREAM=true'
const kept = 'its value kept the quotes around it: remove them, here nothing takes them away'
const path = 'give the path of a file that this process may read'

/** What is set wrongly, and every line that is then said, word for word. */
const wrong: readonly [given: Environment, lines: string][] = [
  [
    { AUTH_ISSUER: undefined },
    'AUTH_ISSUER: required, and not set. The `iss` of the access tokens; the keys are discovered from it. Several: each with its own keys. No URL: set AUTH_JWKS_URI.',
  ],
  [
    { VONAGE_PRIVATE_KEY: '' },
    'VONAGE_PRIVATE_KEY: required, and not set, nor is VONAGE_PRIVATE_KEY_FILE. Its private key: PEM (PKCS#8 or PKCS#1), RSA of 2048 bits or more.',
  ],
  [{ PORT: '-1' }, 'PORT: expected a whole number from 0 to 65535, in digits alone, such as 3000'],
  [{ PORT: '80,443' }, 'PORT: expected a whole number from 0 to 65535, in digits alone, such as 3000'],
  [
    { PORT: 'tcp://10.0.0.7:3000' },
    'PORT: expected a whole number from 0 to 65535, in digits alone, such as 3000',
  ],
  [
    { MANAGEMENT_PORT: '3000', MANAGEMENT_HOST: '0.0.0.0' },
    'MANAGEMENT_PORT: expected another port than PORT: both listeners cannot have one, 9464 is the default',
  ],
  [
    { LOG_LEVEL: 'INFO' },
    'LOG_LEVEL: expected one of these, spelled so: fatal, error, warn, info, debug, trace, silent',
  ],
  [
    { LOG_LEVEL: 'warning' },
    'LOG_LEVEL: expected one of these, spelled so: fatal, error, warn, info, debug, trace, silent',
  ],
  [
    { TRUSTED_PROXIES: '1' },
    'TRUSTED_PROXIES: expected addresses or CIDR ranges, such as 10.0.0.0/8: neither a hop count nor a name is accepted',
  ],
  [
    { TRUSTED_PROXIES: 'balancer.internal' },
    'TRUSTED_PROXIES: expected addresses or CIDR ranges, such as 10.0.0.0/8: neither a hop count nor a name is accepted',
  ],
  [{ AUTH_ISSUER: 'login.example.com' }, 'AUTH_ISSUER: expected a URL: give all of it, from https:// on'],
  [{ AUTH_ISSUER: 'http://login.example.com' }, `AUTH_ISSUER: ${plainHttp}`],
  [{ AUTH_ISSUER: '"https://login.example.com"' }, `AUTH_ISSUER: ${kept}`],
  [
    { AUTH_JWKS_URI: 'https://user:canary@login.example.com/keys' },
    'AUTH_JWKS_URI: expected a URL without user and password: remove what stands before the @',
  ],
  [
    { AUTH_ALGORITHMS: 'HS256' },
    'AUTH_ALGORITHMS: expected a list of these, spelled so: RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA',
  ],
  [{ AUTH_TOKEN_TYPES: ',' }, 'AUTH_TOKEN_TYPES: expected at least one value: leave it out for the default'],
  [
    { AUTH_CLOCK_TOLERANCE_SECONDS: '5s' },
    'AUTH_CLOCK_TOLERANCE_SECONDS: expected a whole number from 0 to 60, in digits alone, such as 5',
  ],
  [
    { AUTH_AUDIENCE_FILE: '/run/secrets/audience' },
    'AUTH_AUDIENCE_FILE: no such setting: only a secret can come from a file, set AUTH_AUDIENCE',
  ],
  [
    { AUTH_REQUIRED_SCOPES: 'numbers' },
    'AUTH_REQUIRED_SCOPES: no such setting: did you mean AUTH_REQUIRED_SCOPE? Rename it, or take it away',
  ],
  [
    { REDIS_URI: 'redis://:canary@redis' },
    'REDIS_URI: no such setting: did you mean REDIS_URL? Rename it, or take it away',
  ],
  [
    { SHUTDOWN_DELAY: '5000' },
    'SHUTDOWN_DELAY: no such setting: did you mean SHUTDOWN_DELAY_MS? Rename it, or take it away',
  ],
  [
    { RATE_LIMIT_CALLER_PER_MINUT: '5' },
    'RATE_LIMIT_CALLER_PER_MINUT: no such setting: did you mean RATE_LIMIT_CALLER_PER_MINUTE? Rename it, or take it away',
  ],
  [
    { START_TIMEOUT_SECONDS: '5' },
    'START_TIMEOUT_SECONDS: no such setting: did you mean START_TIMEOUT_MS? Rename it, or take it away',
  ],
  [{ log_level: 'debug' }, 'log_level: no such setting: did you mean LOG_LEVEL? Rename it, or take it away'],
  [
    { VONAGE_PRIVATE_KEY: encryptedPem },
    'VONAGE_PRIVATE_KEY: it is encrypted with a passphrase: decrypt it with openssl pkey -in key.pem -out plain.pem',
  ],
  [
    { VONAGE_PRIVATE_KEY: ecPem },
    `VONAGE_PRIVATE_KEY: it is EC P-256, and RSA of 2048 bits or more is needed: ${makeRsa}`,
  ],
  [
    { VONAGE_PRIVATE_KEY: privatePem(createRsaKeys(1024)) },
    `VONAGE_PRIVATE_KEY: it is RSA of 1024 bits, and RSA of 2048 bits or more is needed: ${makeRsa}`,
  ],
  [
    { VONAGE_PRIVATE_KEY: publicPem },
    'VONAGE_PRIVATE_KEY: it is a public key, which belongs to the other side: give the private key made with it',
  ],
  [
    { VONAGE_PRIVATE_KEY: '-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----' },
    'VONAGE_PRIVATE_KEY: it is a certificate: give the private key made with it',
  ],
  [
    { VONAGE_PRIVATE_KEY: '/run/secrets/vonage.pem' },
    'VONAGE_PRIVATE_KEY: it is the path of a file, not what is in it: name the file in the variable that ends in _FILE',
  ],
  [
    { VONAGE_PRIVATE_KEY: '-----BEGIN PRIVATE KEY-----' },
    'VONAGE_PRIVATE_KEY: it is cut off or damaged: give the whole file, with \\n for each line break where a value must be one line',
  ],
  [{ VONAGE_PRIVATE_KEY: `'${privatePem(rsa)}'` }, `VONAGE_PRIVATE_KEY: ${kept}`],
  [
    { VONAGE_PRIVATE_KEY: 'canary' },
    'VONAGE_PRIVATE_KEY: it is not a PEM: give the whole file, from its line BEGIN to its line END',
  ],
  [
    { VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: '/nonexistent/vonage.pem' },
    `VONAGE_PRIVATE_KEY: VONAGE_PRIVATE_KEY_FILE names /nonexistent/vonage.pem that cannot be read (ENOENT: no such file or directory): ${path}`,
  ],
  [
    { VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: '-----BEGIN PRIVATE KEY-----\ncanary' },
    `VONAGE_PRIVATE_KEY: VONAGE_PRIVATE_KEY_FILE names a file (its name is not shown, since it may be the secret itself) that cannot be read (ENOENT: no such file or directory): ${path}`,
  ],
  [
    { VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: '/dev/null' },
    'VONAGE_PRIVATE_KEY: VONAGE_PRIVATE_KEY_FILE names /dev/null, which is empty: fill it',
  ],
  [
    { VONAGE_PRIVATE_KEY_FILE: '/run/secrets/vonage.pem' },
    'VONAGE_PRIVATE_KEY: set either VONAGE_PRIVATE_KEY or VONAGE_PRIVATE_KEY_FILE, not both',
  ],
  [
    { VONAGE_REDIRECT_URI: 'http://bff.example.com/v1/network-enablement/callback' },
    `VONAGE_REDIRECT_URI: ${plainHttp}`,
  ],
  [
    { VONAGE_REDIRECT_URI: 'https://bff.example.com/v1/network-enablement/callback#top' },
    'VONAGE_REDIRECT_URI: expected a URL without a fragment: remove the # and what follows',
  ],
  [
    { VONAGE_AUTH_URL_HOSTS: 'https://api-eu.vonage.com' },
    'VONAGE_AUTH_URL_HOSTS: expected host names in lower case, or *.suffix: neither a scheme nor a port nor a path',
  ],
  [{ VONAGE_SCOPES: ' , ' }, 'VONAGE_SCOPES: expected at least one value: leave it out for the default'],
  [{ ALLOW_INSECURE_UPSTREAM: 'yes' }, 'ALLOW_INSECURE_UPSTREAM: expected true or false, in lower case'],
  [
    { FINISH_TIMEOUT_MS: '30000' },
    'FINISH_TIMEOUT_MS: expected a whole number from 100 to 25000, in digits alone, such as 10000',
  ],
  [
    { REDIS_URL: 'redis.internal:6379' },
    'REDIS_URL: expected redis:// or rediss:// URLs, separated by commas, with special characters of a password in percent codes',
  ],
  [
    { REDIS_URL: 'redis://:can#ary@redis.internal' },
    'REDIS_URL: expected redis:// or rediss:// URLs, separated by commas, with special characters of a password in percent codes',
  ],
  [
    { REDIS_CA: '/etc/ssl/ca.crt' },
    'REDIS_CA: expected certificates: give the whole PEM file, from its line BEGIN CERTIFICATE to its line END',
  ],
  [
    { REDIS_KEY: privatePem(rsa) },
    'REDIS_CERTIFICATE: required where the other of REDIS_CERTIFICATE and REDIS_KEY is set: give both',
  ],
  [
    { ALLOWED_CALLING_CODES: '+34,0049' },
    'ALLOWED_CALLING_CODES: expected calling codes without plus sign or leading zero, separated by commas, such as 34,49,990',
  ],
  [
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'grpc://collector:4317' },
    'OTEL_EXPORTER_OTLP_ENDPOINT: expected an http or https URL: no other scheme is spoken here',
  ],
]

for (const [given, lines] of wrong) {
  const names = Object.keys(given).join(', ')
  test(`what is said of ${names}: ${lines}`, async (t) => {
    const problems = problemsOf({ ...good, ...given })
    t.strictSame(
      problems.map(([name, message]) => `${name}: ${message}`),
      [lines],
    )
  })
}

test('no message holds a piece of what was set, but for the path of a file', async (t) => {
  for (const [given, lines] of wrong)
    for (const [name, value = ''] of Object.entries(given))
      for (const piece of value.match(/[A-Za-z0-9+=]{20,}|canary|redis\.|login\.|bff\./g) ?? [])
        t.ok(!lines.includes(piece), name)
})
