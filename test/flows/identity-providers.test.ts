/**
 * The forms of real identity providers, each with the settings of docs/identity-providers.md, over real sockets: access tokens start a
 * verification, and nothing else of the provider does, nor does any hostile token.
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { parseEnv } from 'node:util'
import { before, t as file, test } from 'tap'
import type { TokenKind } from '../../simulator/provider-forms.ts'
import { forms, startWornProvider, type WornProvider } from '../../simulator/worn-provider.ts'
import { openService, type Service } from '../../src/compose.ts'
import { type Environment, parseConfig } from '../../src/config.ts'
import { startWarnings } from '../../src/settings/warnings.ts'
import { openDocumentServer } from '../support/document-server.ts'
import { listeningSettings } from '../support/environment.ts'
import { createHostileTokens } from '../support/hostile-tokens.ts'
import { startWith } from '../support/public-server.ts'
import { call } from '../support/raw-http.ts'
import { createTokenProvider, issuer } from '../support/token-provider.ts'
import { answerStart, unlimited } from '../support/upstream.ts'

const kinds: readonly TokenKind[] = [
  'access',
  'id',
  'refresh',
  'machine',
  'other client',
  'other audience',
  'anonymous',
]
const number = '+99012345678'
/** Besides 401: a user's token without the scope, and one without the number that it would have to name. */
const refusals = [401, 403]

const operator = await openDocumentServer(file, { '/v0.1/network-enablement': answerStart })
const hostile = createTokenProvider()
const keys = await openDocumentServer(file, { '/keys': hostile.keySet })
let hostileTokens: Awaited<ReturnType<typeof createHostileTokens>>
before(async () => {
  hostileTokens = await createHostileTokens(hostile, keys.origin)
})

async function open(settings: Environment): Promise<Service> {
  const { AUTH_ISSUER: _, AUTH_AUDIENCE: __, ...rest } = listeningSettings()
  return openService(
    parseConfig({ ...rest, ...unlimited, LOG_LEVEL: 'silent', VONAGE_API_URL: operator.origin, ...settings }),
  )
}

async function startBy({ url }: Service, token: string): Promise<number> {
  const request = startWith({ phone_number: number })
  const answer = await call(url, {
    ...request,
    headers: { ...request.headers, authorization: `Bearer ${token}` },
  })
  // A machine busy with other tests may shed load, before anything has run.
  if (!answer.body.includes('"overloaded"')) return answer.status
  await setTimeout(50)
  return startBy({ url } as Service, token)
}

const guide = readFileSync(join(import.meta.dirname, '../../docs/identity-providers.md'), 'utf8')
let rows = 0

for (const [name, form] of Object.entries(forms)) {
  const has = kinds.filter((kind) => kind === 'access' || form.others[kind] !== undefined)

  test(`${name}: of ${has.join(', ')} token only the access token starts`, async (t) => {
    const provider: WornProvider = await startWornProvider(name, {
      host: '127.0.0.1',
      port: 0,
      issuer: undefined,
    })
    t.teardown(() => provider.close())
    const config = parseConfig({ ...listeningSettings({ AUTH_AUDIENCE: undefined }), ...provider.settings })
    const warned = [...startWarnings(config)].filter((warning) => !warning.includes('without TLS'))
    t.strictSame(warned, [], 'the settings of the guide are not warned of')
    const service = await open(provider.settings)
    t.teardown(() => service.close())
    for (const kind of has) {
      rows += 1
      const calls = operator.requests.length
      const status = await startBy(service, await provider.issue(kind, 'alice'))
      if (kind === 'access') t.equal(status, 200, kind)
      else t.ok(refusals.includes(status), `${kind} got ${status}`)
      t.equal(operator.requests.length - calls, kind === 'access' ? 1 : 0)
    }
    await provider.rotateKeys()
    t.equal(await startBy(service, await provider.issue('access', 'bob')), 200, 'after a change of key')
  })

  test(`${name}: the guide has its settings`, async (t) => {
    const [, block = ''] = guide.split(`<!-- ${name} -->\n`)
    const written = parseEnv(block.split('```')[1]?.replace(/^sh\n/, '') ?? '')
    for (const [setting, value] of Object.entries(form.settings)) t.equal(written[setting], value)
    const expected = ['AUTH_ISSUER', ...Object.keys(form.settings)]
    const given = Object.keys(written).filter((setting) => !/JWKS|INTROSPECTION/.test(setting))
    t.strictSame(given.sort(), expected.sort())
    t.equal('AUTH_JWKS_URI' in written, form.issuer !== undefined || form.withoutDiscovery === true)
    t.equal('AUTH_INTROSPECTION_URI' in written, form.opaque === true)
  })

  test(`${name}: no hostile token starts, nor reaches anybody`, async (t) => {
    const settings = { ...form.settings, AUTH_ISSUER: issuer, AUTH_JWKS_URI: `${keys.origin}/keys` }
    const service = await open(settings)
    t.teardown(() => service.close())
    const calls = operator.requests.length
    for (const { what, token } of hostileTokens) {
      // What HTTP itself does not carry in a header is refused by its parser.
      if (/[\r\n]/.test(token)) continue
      const status = await startBy(service, token)
      t.ok([400, 401, 403, 503].includes(status), `${what} got ${status}`)
    }
    t.equal(operator.requests.length, calls)
  })
}

test('the table is as large as it should be', async (t) => {
  t.comment(`${Object.keys(forms).length} forms, ${rows} rows, ${hostileTokens.length} hostile tokens each`)
  t.ok(Object.keys(forms).length >= 18 && rows >= 100, `${rows} rows`)
})
