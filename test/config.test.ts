/** The settings: every problem at once and by name, no value ever repeated, and the defaults of the public contract. */
import { test } from 'tap'
import { parseConfig } from '../src/config.ts'
import { settings } from '../src/settings.ts'
import { requiredSettings } from './support/environment.ts'
import { badValues, defaults, namesOf, problemsOf, required } from './support/settings.ts'

const good = requiredSettings()

test('every required setting that is missing is reported at once', async (t) => {
  t.strictSame(namesOf({}).sort(), [...required].sort())
})

for (const name of required)
  test(`${name} alone is reported when it alone is missing or empty`, async (t) => {
    t.strictSame(namesOf({ ...good, [name]: undefined }), [name])
    t.strictSame(namesOf({ ...good, [name]: '' }), [name])
  })

for (const [name, value] of badValues)
  test(`${name} is reported by name and without its value when it is ${JSON.stringify(value)}`, async (t) => {
    const problems = problemsOf({ ...good, [name]: value })
    t.strictSame(
      problems.map(([named]) => named),
      [name],
    )
    t.ok(problems.every(([, text]) => text !== '' && (value.length < 3 || !text.includes(value))))
    for (const secret of value.match(/canary/g) ?? []) t.ok(!JSON.stringify(problems).includes(secret))
  })

test('problems of every kind are reported together, each once', async (t) => {
  const environment = {
    VONAGE_PRIVATE_KEY_FILE: '/nonexistent',
    AUTH_AUDIENCE: 'a',
    ...Object.fromEntries(badValues),
  }
  const expected = new Set([
    ...required.filter((name) => name !== 'AUTH_AUDIENCE'),
    ...badValues.map(([name]) => name),
  ])
  t.strictSame(namesOf(environment).sort(), [...expected].sort())
})

test('an error about the settings says nothing of them beside its problems', async (t) => {
  const environment = { ...good, PORT: 'canary' }
  t.throws(() => parseConfig(environment), { message: /^(?!.*canary)/s, stack: /^(?!.*canary)/s })
})

test('the settings are those of the contract', async (t) => {
  const known = [...required, ...Object.keys(defaults)]
  t.strictSame(
    Object.keys(settings.properties).filter((name) => !known.includes(name)),
    [],
  )
})

test('every setting that is not given has the default of the contract', async (t) => {
  const config = parseConfig(good) as Record<string, unknown>
  for (const name of Object.keys(settings.properties))
    if (!required.includes(name)) t.strictSame(config[name], defaults[name], name)
})

test('what only one product needs is asked for with that product', async (t) => {
  const { VONAGE_REDIRECT_URI: _, ...without } = good
  t.strictSame(namesOf(without), ['VONAGE_REDIRECT_URI'])
  t.strictSame(namesOf({ ...without, VONAGE_PRODUCT: 'verify' }), ['VONAGE_BRAND'])
  t.strictSame(namesOf({ ...good, SMS_FALLBACK: 'true' }), ['VONAGE_BRAND'])
  const verify = { ...without, VONAGE_PRODUCT: 'verify', VONAGE_BRAND: 'Acme' }
  t.equal(parseConfig(verify).VONAGE_PRODUCT, 'verify')
  for (const brand of ['a/b', '{a}', 'a:b', 'a$', 'x'.repeat(19)])
    t.strictSame(namesOf({ ...verify, VONAGE_BRAND: brand }), ['VONAGE_BRAND'], brand)
  t.strictSame(namesOf({ ...verify, VONAGE_PRODUCT: 'Verify' }), ['VONAGE_PRODUCT'])
})

test('an empty variable counts as not given', async (t) => {
  const empty = Object.fromEntries(Object.keys(defaults).map((name) => [name, '']))
  t.strictSame(parseConfig({ ...empty, ...good }), parseConfig(good))
})

test('a variable that is no setting is ignored, unless it is nearly one and set', async (t) => {
  const others = { PATH: '/bin', VONAGE_API_KEY: 'x', REDIS_PORT: 'tcp://10.0.0.1:6379' }
  t.strictSame(parseConfig({ ...good, ...others, VONAGE_PRIVATE_KEYS: '' }), parseConfig(good))
  t.strictSame(namesOf({ ...good, ...others, VONAGE_PRIVATE_KEYS: 'x', AUTH_AUDIENCE_FILE: '/a' }), [
    'VONAGE_PRIVATE_KEYS',
    'AUTH_AUDIENCE_FILE',
  ])
})

test('quotes around a value are reported, of a list and of a secret too', async (t) => {
  for (const name of [
    'AUTH_AUDIENCE',
    'PORT',
    'VONAGE_SCOPES',
    'VONAGE_PRIVATE_KEY',
    'REDIS_URL',
    'REDIS_CA',
  ])
    for (const quoted of ['"canary"', "'canary'", ' "canary" ']) {
      const problems = problemsOf({ ...good, [name]: quoted })
      t.strictSame([problems.length, problems[0]?.[0]], [1, name])
      t.match(problems[0]?.[1] ?? '', /quotes/)
    }
})

test('every kind of setting is read', async (t) => {
  const config = parseConfig({
    ...good,
    PORT: '8080',
    HOST: '::',
    LOG_LEVEL: 'warn',
    ALLOW_INSECURE_UPSTREAM: 'true',
    TRUSTED_PROXIES: '10.0.0.0/8, 192.0.2.1 ,2001:db8::/32,::1',
    AUTH_ALGORITHMS: 'ES256',
    AUTH_REQUIRED_SCOPE: 'number:verify',
    VONAGE_SCOPES: 'a#b, c ,,d',
    VONAGE_AUTH_URL_HOSTS: 'api-eu.vonage.com,*.vonage.com',
    ALLOWED_CALLING_CODES: '34,49,990',
    REDIS_URL: 'redis://user:word@a:6379/0,rediss://b',
  })
  t.equal(config.PORT, 8080)
  t.equal(config.HOST, '::')
  t.equal(config.LOG_LEVEL, 'warn')
  t.equal(config.ALLOW_INSECURE_UPSTREAM, true)
  t.strictSame(config.TRUSTED_PROXIES, ['10.0.0.0/8', '192.0.2.1', '2001:db8::/32', '::1'])
  t.strictSame(config.AUTH_ALGORITHMS, ['ES256'])
  t.equal(config.AUTH_REQUIRED_SCOPE, 'number:verify')
  t.strictSame(config.VONAGE_SCOPES, ['a#b', 'c', 'd'])
  t.strictSame(config.VONAGE_AUTH_URL_HOSTS, ['api-eu.vonage.com', '*.vonage.com'])
  t.strictSame(config.ALLOWED_CALLING_CODES, ['34', '49', '990'])
  t.strictSame(config.REDIS_URL, ['redis://user:word@a:6379/0', 'rediss://b'])
})

test('the settings are frozen, and their lists as well', async (t) => {
  const config = parseConfig({ ...good, TRUSTED_PROXIES: '10.0.0.0/8' })
  t.ok(Object.isFrozen(config))
  for (const [name, value] of Object.entries(config)) t.ok(Object.isFrozen(value), name)
})

test('one environment never changes the defaults of the next', async (t) => {
  const before = structuredClone(parseConfig(good))
  parseConfig({ ...good, AUTH_ALGORITHMS: 'ES256', TRUSTED_PROXIES: '10.0.0.0/8' })
  t.strictSame(parseConfig(good), before)
})

const upstreamUrls = [
  'AUTH_ISSUER',
  'AUTH_JWKS_URI',
  'VONAGE_API_URL',
  'VONAGE_TOKEN_URL',
  'VONAGE_REDIRECT_URI',
]

for (const name of upstreamUrls)
  test(`${name} may be plain http for loopback, and elsewhere only when that is allowed`, async (t) => {
    for (const host of ['localhost:4000', '127.0.0.1:4000', '127.8.9.1', '[::1]:4000'])
      t.strictSame(namesOf({ ...good, [name]: `http://${host}/path` }), [], host)
    const insecure = { ...good, [name]: 'http://simulator:4000/path' }
    t.strictSame(namesOf(insecure), [name])
    t.strictSame(namesOf({ ...insecure, ALLOW_INSECURE_UPSTREAM: 'false' }), [name])
    t.strictSame(namesOf({ ...insecure, ALLOW_INSECURE_UPSTREAM: 'true' }), [])
  })

test('two listeners on one address and port are refused, on different ones they are not', async (t) => {
  const taken = (HOST: string, MANAGEMENT_HOST: string, MANAGEMENT_PORT = '3000') =>
    namesOf({ ...good, HOST, MANAGEMENT_HOST, MANAGEMENT_PORT, PORT: '3000' }).length === 1
  for (const [one, other] of [
    ['127.0.0.1', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['0.0.0.0', 'bff.example.com'],
    ['::', '127.0.0.1'],
    ['::', '::1'],
    ['localhost', '127.0.0.1'],
  ] as const) {
    t.ok(taken(one, other) && taken(other, one), `${one} ${other}`)
    t.ok(!taken(one, other, '3001'), `${one} ${other}`)
  }
  for (const [one, other] of [
    ['127.0.0.1', '127.0.0.2'],
    ['0.0.0.0', '::1'],
  ] as const)
    t.ok(!taken(one, other) && !taken(other, one), `${one} ${other}`)
})

test('two listeners may each take a free port', async (t) => {
  t.strictSame(namesOf({ ...good, PORT: '0', MANAGEMENT_PORT: '0', MANAGEMENT_HOST: '0.0.0.0' }), [])
})

test('an audience may be left out where clients are named, and a list names several', async (t) => {
  const { AUTH_AUDIENCE: _, ...rest } = good
  const config = parseConfig({ ...rest, AUTH_CLIENT_IDS: 'app, web' })
  t.strictSame([config.AUTH_AUDIENCE, config.AUTH_CLIENT_IDS], [[], ['app', 'web']])
  t.strictSame(parseConfig({ ...good, AUTH_AUDIENCE: 'a,b' }).AUTH_AUDIENCE, ['a', 'b'])
  t.strictSame(namesOf({ ...good, AUTH_AUDIENCE: ',' }), ['AUTH_AUDIENCE'])
})

test('an issuer that is no URL needs a key set, which goes with one issuer alone, as introspection does', async (t) => {
  const introspection = {
    AUTH_INTROSPECTION_URI: 'https://login.example.com/introspect',
    AUTH_INTROSPECTION_CLIENT_ID: 'bff',
    AUTH_INTROSPECTION_CLIENT_SECRET: 'secret',
  }
  const keys = { AUTH_JWKS_URI: 'https://login.example.com/keys' }
  const two = { AUTH_ISSUER: 'https://a.example,https://b.example' }
  t.strictSame(namesOf({ ...good, AUTH_ISSUER: 'acme.com' }), ['AUTH_ISSUER'])
  t.strictSame(namesOf({ ...good, AUTH_ISSUER: 'acme.com', ...keys }), [])
  t.strictSame(namesOf({ ...good, ...two }), [])
  t.strictSame(namesOf({ ...good, ...two, ...keys }), ['AUTH_JWKS_URI'])
  t.strictSame(namesOf({ ...good, ...introspection }), [])
  t.strictSame(namesOf({ ...good, ...two, ...introspection }), ['AUTH_INTROSPECTION_URI'])
})

test('introspection has its URI, client id and secret, or none of them', async (t) => {
  const [uri, id, secret] = [
    { AUTH_INTROSPECTION_URI: 'https://login.example.com/introspect' },
    { AUTH_INTROSPECTION_CLIENT_ID: 'bff' },
    { AUTH_INTROSPECTION_CLIENT_SECRET: 'secret' },
  ]
  const names = ['AUTH_INTROSPECTION_CLIENT_ID', 'AUTH_INTROSPECTION_CLIENT_SECRET']
  t.strictSame(namesOf({ ...good, ...uri }), names)
  t.strictSame(namesOf({ ...good, ...uri, ...id }), names.slice(1))
  t.strictSame(namesOf({ ...good, ...uri, ...secret }), names.slice(0, 1))
  t.strictSame(namesOf({ ...good, ...id, ...secret }), names)
})
