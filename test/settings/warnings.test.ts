/** What is warned of at each start. What the check warns of besides: preflight.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../../src/config.ts'
import { checkWarnings, startWarnings } from '../../src/settings/warnings.ts'
import { requiredSettings } from '../support/environment.ts'
import { callbackPath } from '../support/service.ts'

const warnedOf = (redirectUri: string) =>
  [...startWarnings(parseConfig({ ...requiredSettings(), VONAGE_REDIRECT_URI: redirectUri }))].length

test('a redirect that ends elsewhere than at the landing page is warned of', () => {
  assert.equal(warnedOf(`https://bff.example.com${callbackPath}`), 0)
  assert.equal(warnedOf(`https://bff.example.com${callbackPath}?a=b`), 0)
  for (const path of ['', '/', '/callback', `${callbackPath}/`, `/api${callbackPath}`])
    assert.equal(warnedOf(`https://bff.example.com${path}`), 1, path)
})

test('where there is no landing page, none is warned of', () => {
  const { VONAGE_REDIRECT_URI: _, ...without } = requiredSettings()
  const config = parseConfig({ ...without, VONAGE_PRODUCT: 'verify', VONAGE_BRAND: 'Acme' })
  assert.deepEqual([...startWarnings(config)], [])
})

test('every warning begins with its variable', () => {
  const config = parseConfig({
    ...requiredSettings(),
    VONAGE_REDIRECT_URI: 'https://bff.example.com',
    TRUSTED_PROXIES: '0.0.0.0/0',
    ALLOW_INSECURE_UPSTREAM: 'true',
  })
  for (const warning of [...startWarnings(config), ...checkWarnings(config)])
    assert.match(warning, /^[A-Z_]+: ./)
})
