/** What is warned of at each start. What the check warns of besides: preflight.test.ts. */
import { test } from 'tap'
import { parseConfig } from '../../src/config.ts'
import { checkWarnings, startWarnings } from '../../src/settings/warnings.ts'
import { requiredSettings } from '../support/environment.ts'
import { callbackPath } from '../support/service.ts'

const warnedOf = (redirectUri: string) =>
  [...startWarnings(parseConfig({ ...requiredSettings(), VONAGE_REDIRECT_URI: redirectUri }))].length

test('a redirect that ends elsewhere than at the landing page is warned of', async (t) => {
  t.equal(warnedOf(`https://bff.example.com${callbackPath}`), 0)
  t.equal(warnedOf(`https://bff.example.com${callbackPath}?a=b`), 0)
  for (const path of ['', '/', '/callback', `${callbackPath}/`, `/api${callbackPath}`])
    t.equal(warnedOf(`https://bff.example.com${path}`), 1, path)
})

test('where there is no landing page, none is warned of', async (t) => {
  const { VONAGE_REDIRECT_URI: _, ...without } = requiredSettings()
  const config = parseConfig({ ...without, VONAGE_PRODUCT: 'verify', VONAGE_BRAND: 'Acme' })
  t.strictSame([...startWarnings(config)], [])
})

test('messages to every country are warned of', async (t) => {
  const warned = (settings: Record<string, string>) =>
    [...checkWarnings(parseConfig({ ...requiredSettings(), VONAGE_BRAND: 'Acme', ...settings }))].filter(
      (line) => line.startsWith('ALLOWED_CALLING_CODES'),
    ).length
  t.equal(warned({ SMS_FALLBACK: 'true' }), 1)
  t.equal(warned({ SMS_FALLBACK: 'true', ALLOWED_CALLING_CODES: '44' }), 0)
  t.equal(warned({}), 0)
})

test('every warning begins with its variable', async (t) => {
  const config = parseConfig({
    ...requiredSettings(),
    VONAGE_REDIRECT_URI: 'https://bff.example.com',
    TRUSTED_PROXIES: '0.0.0.0/0',
    ALLOW_INSECURE_UPSTREAM: 'true',
  })
  for (const warning of [...startWarnings(config), ...checkWarnings(config)]) t.match(warning, /^[A-Z_]+: ./)
})

const introspection = {
  AUTH_INTROSPECTION_URI: 'https://login.example.com/introspect',
  AUTH_INTROSPECTION_CLIENT_ID: 'bff',
  AUTH_INTROSPECTION_CLIENT_SECRET: 'secret',
}
const tokenWarnings: Array<[settings: Record<string, string>, names: string[]]> = [
  [{}, []],
  [{ AUTH_TOKEN_TYPES: 'at+jwt,JWT' }, ['AUTH_TOKEN_TYPES']],
  [{ AUTH_TOKEN_TYPES: 'application/jwt' }, ['AUTH_TOKEN_TYPES']],
  [{ AUTH_TOKEN_TYPES: 'none' }, ['AUTH_TOKEN_TYPES']],
  [{ AUTH_TOKEN_TYPES: 'none', AUTH_CLIENT_IDS: 'app' }, ['AUTH_TOKEN_TYPES']],
  [{ AUTH_TOKEN_TYPES: 'JWT,none', AUTH_REQUIRED_SCOPE: 'x' }, []],
  [{ AUTH_TOKEN_TYPES: 'JWT,none', AUTH_REQUIRED_CLAIMS: 'token_use=access' }, []],
  [{ AUTH_AUDIENCE: 'api,app', AUTH_CLIENT_IDS: 'app' }, ['AUTH_AUDIENCE']],
  [introspection, ['AUTH_INTROSPECTION_URI']],
  [{ ...introspection, AUTH_REQUIRED_SCOPE: 'x' }, []],
  [
    { ...introspection, AUTH_REQUIRED_SCOPE: 'x', AUTH_INTROSPECTION_URI: 'http://localhost/introspect' },
    ['AUTH_INTROSPECTION_URI'],
  ],
]
for (const [settings, names] of tokenWarnings)
  test(`it is warned of ${names.join() || 'nothing'} with ${JSON.stringify(settings)}`, async (t) => {
    const warnings = [...startWarnings(parseConfig({ ...requiredSettings(), ...settings }))]
    t.strictSame(
      warnings.map((warning) => warning.split(':')[0]),
      names,
    )
  })
