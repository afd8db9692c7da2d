/** Tables about the settings, written from the public contract and not from the code, and what a bad environment gets. */
import assert from 'node:assert/strict'
import { ConfigError, type Environment, parseConfig } from '../../src/config.ts'

/** @returns the problems, each as the variable that it names and what it says */
export function problemsOf(environment: Environment): [name: string, text: string][] {
  try {
    parseConfig(environment)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.map((problem) => {
      const [name = '', text = ''] = problem.split(/: (.*)/s)
      return [name, text]
    })
  }
  return []
}

export const namesOf = (environment: Environment) => problemsOf(environment).map(([name]) => name)

export const required = [
  'AUTH_ISSUER',
  'AUTH_AUDIENCE',
  'VONAGE_APPLICATION_ID',
  'VONAGE_PRIVATE_KEY',
  'VONAGE_REDIRECT_URI',
]

/** Every other setting of the contract. `undefined`: none. */
export const defaults: Record<string, unknown> = {
  HOST: '0.0.0.0',
  PORT: 3000,
  MANAGEMENT_HOST: '127.0.0.1',
  MANAGEMENT_PORT: 9464,
  LOG_LEVEL: 'info',
  OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
  OTEL_SERVICE_NAME: 'network-enablement-bff',
  TRUSTED_PROXIES: [],
  AUTH_JWKS_URI: undefined,
  AUTH_ALGORITHMS: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  AUTH_TOKEN_TYPES: ['at+jwt'],
  AUTH_REQUIRED_SCOPE: undefined,
  AUTH_PHONE_NUMBER_CLAIM: undefined,
  AUTH_CLOCK_TOLERANCE_SECONDS: 5,
  VONAGE_PRIVATE_KEY_NEXT: undefined,
  VONAGE_API_URL: 'https://api-eu.vonage.com',
  VONAGE_TOKEN_URL: 'https://api-eu-3.vonage.com/oauth2/token',
  VONAGE_SCOPES: ['dpv:FraudPreventionAndDetection#number-verification-verify-read'],
  VONAGE_REQUESTS_PER_SECOND: 10,
  VONAGE_AUTH_URL_HOSTS: [],
  ALLOW_INSECURE_UPSTREAM: false,
  START_TIMEOUT_MS: 5000,
  FINISH_TIMEOUT_MS: 10_000,
  STATE_TTL_SECONDS: 300,
  STATE_MAX_ENTRIES: 100_000,
  STATE_MAX_PER_CALLER: 5,
  REDIS_URL: undefined,
  REDIS_CLUSTER: false,
  REDIS_SENTINEL_MASTER: undefined,
  REDIS_CA: undefined,
  REDIS_CERTIFICATE: undefined,
  REDIS_KEY: undefined,
  RATE_LIMIT_ADDRESS_PER_MINUTE: 1200,
  RATE_LIMIT_CALLER_PER_MINUTE: 20,
  RATE_LIMIT_NUMBER_PER_HOUR: 10,
  RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY: 3,
  ALLOWED_CALLING_CODES: [],
  SHUTDOWN_DELAY_MS: 0,
  SHUTDOWN_TIMEOUT_MS: 10_000,
}

/** One setting and a value that it must not take. The values are such that no fixed text holds them by chance. */
export const badValues: readonly [name: string, value: string][] = [
  ['PORT', '65536'],
  ['PORT', '-80'],
  ['PORT', '80.5'],
  ['PORT', ' 8080'],
  ['PORT', '0x1f90'],
  ['PORT', '8e3'],
  ['PORT', '٣٠٠٠'],
  ['PORT', '12345678901234567'],
  ['MANAGEMENT_PORT', 'ninety'],
  ['LOG_LEVEL', 'verbose'],
  ['LOG_LEVEL', 'INFO'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector.example:4318'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'grpc://collector.example:4317'],
  ['OTEL_EXPORTER_OTLP_ENDPOINT', 'https://user:canary@collector.example'],
  ['TRUSTED_PROXIES', '3'],
  ['TRUSTED_PROXIES', 'true'],
  ['TRUSTED_PROXIES', 'loopback'],
  ['TRUSTED_PROXIES', 'proxy.example'],
  ['TRUSTED_PROXIES', '192.0.2.0/33'],
  ['TRUSTED_PROXIES', '192.0.2.0/'],
  ['TRUSTED_PROXIES', '192.0.2.0/24/24'],
  ['TRUSTED_PROXIES', '192.0.2.0/-1'],
  ['TRUSTED_PROXIES', '2001:db8::/129'],
  ['TRUSTED_PROXIES', '192.0.2.1,7'],
  ['AUTH_ISSUER', 'login.example.com'],
  ['AUTH_ISSUER', 'http://login.example.com'],
  ['AUTH_ISSUER', 'ftp://login.example.com'],
  ['AUTH_ISSUER', 'https://user:canary@login.example.com'],
  ['AUTH_ISSUER', 'https://login.example.com/#canary'],
  ['AUTH_JWKS_URI', 'http://login.example.com/keys'],
  ['AUTH_JWKS_URI', '/keys'],
  ['AUTH_ALGORITHMS', 'HS256'],
  ['AUTH_ALGORITHMS', 'none'],
  ['AUTH_ALGORITHMS', 'rs256'],
  ['AUTH_ALGORITHMS', 'ES256,HS512'],
  ['AUTH_ALGORITHMS', ','],
  ['AUTH_TOKEN_TYPES', ' , '],
  ['AUTH_CLOCK_TOLERANCE_SECONDS', '61'],
  ['VONAGE_PRIVATE_KEY_NEXT', 'canary'],
  ['VONAGE_REDIRECT_URI', 'http://bff.example.com/v1/network-enablement/callback'],
  ['VONAGE_REDIRECT_URI', 'https://bff.example.com/v1/network-enablement/callback#canary'],
  ['VONAGE_API_URL', 'http://api-eu.vonage.com.example'],
  ['VONAGE_API_URL', 'http://localhost.example'],
  ['VONAGE_API_URL', 'http://127.0.0.1.example'],
  ['VONAGE_API_URL', 'http://10.0.0.1'],
  ['VONAGE_API_URL', 'http://169.254.169.254'],
  ['VONAGE_API_URL', 'javascript:alert(1)'],
  ['VONAGE_TOKEN_URL', 'http://api-eu-3.vonage.com/oauth2/token'],
  ['VONAGE_SCOPES', ',,'],
  ['VONAGE_REQUESTS_PER_SECOND', '0'],
  ['VONAGE_REQUESTS_PER_SECOND', '1001'],
  ['VONAGE_AUTH_URL_HOSTS', 'https://api-eu.vonage.com'],
  ['VONAGE_AUTH_URL_HOSTS', 'Api-Eu.vonage.com'],
  ['VONAGE_AUTH_URL_HOSTS', '**'],
  ['VONAGE_AUTH_URL_HOSTS', '*vonage.com'],
  ['ALLOW_INSECURE_UPSTREAM', 'yes'],
  ['ALLOW_INSECURE_UPSTREAM', 'TRUE'],
  ['START_TIMEOUT_MS', '99'],
  ['START_TIMEOUT_MS', '10001'],
  ['FINISH_TIMEOUT_MS', '30000'],
  ['STATE_TTL_SECONDS', '9'],
  ['STATE_TTL_SECONDS', '3601'],
  ['STATE_MAX_ENTRIES', '0'],
  ['STATE_MAX_PER_CALLER', '101'],
  ['REDIS_URL', 'redis.example:6379'],
  ['REDIS_URL', 'https://redis.example'],
  ['REDIS_URL', 'redis:///7'],
  ['REDIS_URL', 'rediss://user:canary@redis.example/nought'],
  ['REDIS_URL', 'redis://a.example,b.example'],
  ['REDIS_URL', 'redis://:%zz-canary@redis.example'],
  ['REDIS_URL', ' , '],
  ['RATE_LIMIT_ADDRESS_PER_MINUTE', '-1'],
  ['RATE_LIMIT_CALLER_PER_MINUTE', 'off'],
  ['RATE_LIMIT_NUMBER_PER_HOUR', '1000001'],
  ['RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY', '1001'],
  ['ALLOWED_CALLING_CODES', '+34'],
  ['ALLOWED_CALLING_CODES', '034'],
  ['ALLOWED_CALLING_CODES', '34;49'],
  ['SHUTDOWN_DELAY_MS', '60001'],
  ['SHUTDOWN_TIMEOUT_MS', '99'],
]
