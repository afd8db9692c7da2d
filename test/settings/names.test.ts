/** Misspelt settings are found out, and what a platform sets by itself is not taken for one. */
import { test } from 'tap'
import { misspeltSettings } from '../../src/settings/names.ts'
import { settings } from '../../src/settings.ts'

const names = Object.keys(settings.properties)
const right = names.flatMap((name) => [name, `${name}_FILE`])
const meantBy = (name: string) => misspeltSettings([name], right)[0]?.[1]

/** Said for each setting, so that a new one is held to it as well. */
const slips: Record<string, (name: string) => string> = {
  'a letter left out': (name) => name.slice(0, -2) + name.slice(-1),
  'a letter twice': (name) => name + name.slice(-1),
  'two letters swapped': (name) => name.slice(0, -2) + name.slice(-1) + name.slice(-2, -1),
  'another letter': (name) => `${name.slice(0, -1)}X`,
  'lower case': (name) => name.toLowerCase(),
}

for (const [slip, spell] of Object.entries(slips))
  test(`every setting is found out: ${slip}`, async (t) => {
    for (const name of names) {
      const misspelt = spell(name)
      if (misspelt !== name && !right.includes(misspelt)) t.ok(meantBy(misspelt), misspelt)
    }
  })

const misspelt: Record<string, string> = {
  AUTH_REQUIRED_SCOPES: 'AUTH_REQUIRED_SCOPE',
  REDIS_URI: 'REDIS_URL',
  SHUTDOWN_DELAY: 'SHUTDOWN_DELAY_MS',
  RATE_LIMIT_CALLER_PER_MINUT: 'RATE_LIMIT_CALLER_PER_MINUTE',
  RATE_LIMIT_CALLER: 'RATE_LIMIT_CALLER_PER_MINUTE',
  RATE_LIMIT_NUMBER_PER_MINUTE: 'RATE_LIMIT_NUMBER_PER_HOUR',
  START_TIMEOUT_SECONDS: 'START_TIMEOUT_MS',
  AUTH_ISSUER_URL: 'AUTH_ISSUER',
  VONAGE_APPLICATION: 'VONAGE_APPLICATION_ID',
  VONAGE_APP_ID: 'VONAGE_APPLICATION_ID',
  REDIS_CERT: 'REDIS_CERTIFICATE',
  TRUSTED_PROXY: 'TRUSTED_PROXIES',
  ALLOWED_CALLING_CODE: 'ALLOWED_CALLING_CODES',
  LEVEL_LOG: 'LOG_LEVEL',
  LOGLEVEL: 'LOG_LEVEL',
  'LOG-LEVEL': 'LOG_LEVEL',
  LOG_LVL: 'LOG_LEVEL',
  PROT: 'PORT',
  MANAGMENT_PROT: 'MANAGEMENT_PORT',
  VONAGE_PRIVATE_KEY_PATH: 'VONAGE_PRIVATE_KEY',
  VONAGE_PRIVATE_KEYS_FILE: 'VONAGE_PRIVATE_KEY_FILE',
}

for (const [name, meant] of Object.entries(misspelt))
  test(`${name} is taken for ${meant}`, async (t) => t.equal(meantBy(name), meant))

test('no setting is taken for another', async (t) => {
  t.strictSame(misspeltSettings(right, right), [])
})

/** Set by shells, images, npm, Kubernetes, builders and OpenTelemetry, or meant for other programs. */
const others = `
  _ HOME HOSTNAME HOSTTYPE LANG LC_ALL LOGNAME MAIL OLDPWD PATH PWD SHELL SHLVL TERM TMPDIR TZ USER EDITOR DISPLAY HISTSIZE
  SSH_AUTH_SOCK SSH_CONNECTION XDG_RUNTIME_DIR XDG_SESSION_ID DEBIAN_FRONTEND
  NODE NODE_ENV NODE_OPTIONS NODE_VERSION NODE_EXTRA_CA_CERTS NODE_V8_COVERAGE YARN_VERSION COLOR INIT_CWD DEBUG
  npm_command npm_config_cache npm_config_loglevel npm_config_user_agent npm_execpath npm_lifecycle_event npm_package_name
  npm_package_json npm_config_noproxy npm_node_execpath npm_package_engines_node
  HTTP_PROXY HTTPS_PROXY NO_PROXY http_proxy https_proxy no_proxy
  KUBERNETES_PORT KUBERNETES_PORT_443_TCP KUBERNETES_PORT_443_TCP_ADDR KUBERNETES_PORT_443_TCP_PORT
  KUBERNETES_PORT_443_TCP_PROTO KUBERNETES_SERVICE_HOST KUBERNETES_SERVICE_PORT KUBERNETES_SERVICE_PORT_HTTPS
  REDIS_PORT REDIS_PORT_6379_TCP REDIS_PORT_6379_TCP_ADDR REDIS_PORT_6379_TCP_PORT REDIS_PORT_6379_TCP_PROTO
  REDIS_SERVICE_HOST REDIS_SERVICE_PORT REDIS_SERVICE_PORT_REDIS REDIS_HOST REDIS_DB REDIS_USER REDIS_PASSWORD REDIS_TLS_URL
  MANAGEMENT_PORT_9464_TCP MANAGEMENT_PORT_9464_TCP_ADDR MANAGEMENT_SERVICE_HOST MANAGEMENT_SERVICE_PORT
  HOST_IP POD_IP POD_NAME POD_NAMESPACE NODE_NAME SERVICE_ACCOUNT DYNO K_SERVICE K_REVISION PORT_NAME
  AWS_REGION AWS_ROLE_ARN AWS_WEB_IDENTITY_TOKEN_FILE AZURE_CLIENT_ID GOOGLE_APPLICATION_CREDENTIALS
  VONAGE_API_KEY VONAGE_API_SECRET VONAGE_NUMBER DATABASE_URL PGHOST PGPORT MYSQL_HOST SMTP_HOST SMTP_PORT AUTH_SECRET
  CI CI_SERVER_HOST CI_SERVER_PORT CI_API_V4_URL CI_COMMIT_SHA CI_JOB_TOKEN GITHUB_ACTIONS GITHUB_API_URL GITHUB_REF
  GITHUB_TOKEN GITHUB_WORKSPACE RUNNER_OS RUNNER_TEMP JENKINS_URL BUILD_NUMBER
  OTEL_EXPORTER_OTLP_HEADERS OTEL_EXPORTER_OTLP_PROTOCOL OTEL_EXPORTER_OTLP_TIMEOUT OTEL_EXPORTER_OTLP_COMPRESSION
  OTEL_EXPORTER_OTLP_CERTIFICATE OTEL_EXPORTER_OTLP_INSECURE OTEL_EXPORTER_OTLP_TRACES_ENDPOINT
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT OTEL_EXPORTER_OTLP_LOGS_ENDPOINT OTEL_RESOURCE_ATTRIBUTES OTEL_SDK_DISABLED
  OTEL_LOG_LEVEL OTEL_PROPAGATORS OTEL_SERVICE_NAMESPACE OTEL_SERVICE_VERSION OTEL_TRACES_SAMPLER OTEL_TRACES_EXPORTER
`
  .trim()
  .split(/\s+/)

test('what platforms and other programs set is left alone', async (t) => {
  t.strictSame(misspeltSettings(others, right), [])
})

test('the environment of this very test is left alone', async (t) => {
  t.strictSame(misspeltSettings(Object.keys(process.env), right), [])
})
