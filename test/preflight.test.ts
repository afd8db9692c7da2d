/** `--check-config`: what it shows, what it warns of, and whether the keys sign. What it asks of others: live-checks.test.ts. */

import { createPrivateKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { calculateJwkThumbprint } from 'jose'
import { test } from 'tap'
import type { Environment } from '../src/config.ts'
import { settings } from '../src/settings.ts'
import { listeningSettings, receiptSettings, requiredSettings } from './support/environment.ts'
import { createKeys, createRsaKeys, privatePem } from './support/keys.ts'
import { runPreflight } from './support/preflight.ts'
import { createSelfSignedPem } from './support/self-signed-certificate.ts'

const next = privatePem(createRsaKeys())

test('every setting is shown with its value, in one line, and no secret is', async (t) => {
  const keys = createRsaKeys()
  const secrets = {
    REDIS_URL: 'redis://canary:canary@canary',
    REDIS_KEY: privatePem(keys),
    REDIS_CERTIFICATE: createSelfSignedPem(keys),
  }
  const { lines, passed } = await runPreflight({
    ...requiredSettings(),
    ...secrets,
    VONAGE_PRIVATE_KEY_NEXT: next,
    TRUSTED_PROXIES: '10.0.0.0/8,::1',
  })
  t.equal(passed, true)
  const shown = Object.fromEntries(lines.slice(0, -3).map((line) => line.split(/=(.*)/s).slice(0, 2)))
  t.strictSame(Object.keys(shown), Object.keys(settings.properties))
  for (const name of [...Object.keys(secrets), 'VONAGE_PRIVATE_KEY', 'VONAGE_PRIVATE_KEY_NEXT'])
    t.equal(shown[name], '[redacted]')
  t.equal(shown.PORT, '3000')
  t.equal(shown.TRUSTED_PROXIES, '10.0.0.0/8,::1')
  t.equal(shown.AUTH_AUDIENCE, requiredSettings().AUTH_AUDIENCE)
  t.equal(shown.REDIS_CA, '')
  const text = lines.join('\n')
  for (const secret of ['canary', next.split('\n')[1] ?? '', 'PRIVATE KEY']) t.ok(!text.includes(secret))
})

test('both keys sign what their public halves verify, without a call to anyone', async (t) => {
  const { checks } = await runPreflight({ ...requiredSettings(), VONAGE_PRIVATE_KEY_NEXT: next })
  const ok = 'ok, RSA of 2048 bits, signs what its public half verifies'
  t.strictSame(checks, { VONAGE_PRIVATE_KEY: ok, VONAGE_PRIVATE_KEY_NEXT: ok })
})

test('a key whose halves do not belong together is found out', async (t) => {
  const [one, other] = [createRsaKeys(), createRsaKeys()].map((keys) =>
    keys.privateKey.export({ format: 'jwk' }),
  )
  const mixed = createPrivateKey({ key: { ...one, n: String(other?.n) }, format: 'jwk' })
  const pem = mixed.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { checks, passed } = await runPreflight({ ...requiredSettings(), VONAGE_PRIVATE_KEY_NEXT: pem })
  t.equal(passed, false)
  t.match(checks.VONAGE_PRIVATE_KEY ?? '', /^ok, /)
  t.match(checks.VONAGE_PRIVATE_KEY_NEXT ?? '', /^failed ./)
})

for (const [keys, kind, algorithm] of [
  [createKeys('EC P-256'), 'EC P-256', 'ES256'],
  [createKeys('Ed25519'), 'Ed25519', 'EdDSA'],
  [createRsaKeys(), 'RSA of 2048 bits', 'RS256'],
] as const)
  test(`a key for receipts of ${kind} is shown with the algorithm and the id that its receipts have`, async (t) => {
    const { checks, passed } = await runPreflight({
      ...requiredSettings(),
      ...receiptSettings(),
      RECEIPT_PRIVATE_KEY_NEXT: privatePem(keys),
    })
    t.equal(passed, true)
    const kid = await calculateJwkThumbprint(keys.publicKey)
    const ok = `ok, ${kind}, ${algorithm}, kid ${kid}, signs what its public half verifies`
    t.equal(checks.RECEIPT_PRIVATE_KEY_NEXT, ok)
    t.match(checks.RECEIPT_PRIVATE_KEY ?? '', /^ok, EC P-256, ES256, kid [\w-]{43}, /)
  })

test('a key for receipts whose halves do not belong together fails the check', async (t) => {
  const [one, other] = [createKeys('EC P-256'), createKeys('EC P-256')].map((keys) =>
    keys.privateKey.export({ format: 'jwk' }),
  )
  const mixed = createPrivateKey({ key: { ...one, d: String(other?.d) }, format: 'jwk' })
  const pem = mixed.export({ type: 'pkcs8', format: 'pem' }).toString()
  const { checks, passed } = await runPreflight({
    ...requiredSettings(),
    ...receiptSettings(),
    RECEIPT_PRIVATE_KEY: pem,
  })
  t.equal(passed, false)
  t.match(checks.RECEIPT_PRIVATE_KEY ?? '', /^failed ./)
})

const warned: readonly [Environment, string[]][] = [
  [{}, []],
  [{ REDIS_URL: undefined }, ['REDIS_URL']],
  [{ TRUSTED_PROXIES: '10.0.0.0/8,192.0.2.1,2001:db8::/32,::1' }, []],
  [{ TRUSTED_PROXIES: '10.0.0.1,10.0.0.0/7' }, ['TRUSTED_PROXIES']],
  [{ TRUSTED_PROXIES: '0.0.0.0/0' }, ['TRUSTED_PROXIES']],
  [{ TRUSTED_PROXIES: '2001::/31' }, ['TRUSTED_PROXIES']],
  [{ ALLOW_INSECURE_UPSTREAM: 'true' }, ['ALLOW_INSECURE_UPSTREAM']],
  [receiptSettings(), []],
  [{ ...receiptSettings(), RECEIPT_AUDIENCE: String(requiredSettings().AUTH_AUDIENCE) }, []],
  [{ ...receiptSettings(), RECEIPT_ISSUER: String(requiredSettings().AUTH_ISSUER) }, []],
  [
    {
      ...receiptSettings(),
      RECEIPT_ISSUER: String(requiredSettings().AUTH_ISSUER),
      RECEIPT_AUDIENCE: `a,${requiredSettings().AUTH_AUDIENCE}`,
    },
    ['RECEIPT_AUDIENCE'],
  ],
  [{ MANAGEMENT_HOST: '0.0.0.0' }, []],
  [{ VONAGE_REDIRECT_URI: 'https://bff.example.com/callback' }, ['VONAGE_REDIRECT_URI']],
]

for (const [changes, names] of warned)
  test(`it warns of ${names.join() || 'nothing'} with ${JSON.stringify(changes)}, and passes`, async (t) => {
    const { warnings, passed } = await runPreflight({
      ...requiredSettings(),
      REDIS_URL: 'redis://a',
      ...changes,
    })
    t.strictSame([warnings, passed], [names, true])
  })

test('of a secret from a file, the file is shown that is in effect', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'preflight-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'key.pem')
  writeFileSync(file, next)
  const { lines } = await runPreflight({
    ...requiredSettings(),
    VONAGE_PRIVATE_KEY: undefined,
    VONAGE_PRIVATE_KEY_FILE: file,
  })
  const at = lines.indexOf('VONAGE_PRIVATE_KEY=[redacted]')
  t.ok(at > 0)
  t.equal(lines[at + 1], `VONAGE_PRIVATE_KEY_FILE=${file}`)
  t.ok(!lines.join().includes('VONAGE_PRIVATE_KEY_NEXT_FILE'))
})

test('what was not tried is told last, and less of it the more was tried', async (t) => {
  const { lines, notTried } = await runPreflight(requiredSettings())
  t.equal(lines.at(-1), notTried)
  t.match(notTried, /--live/)
})

for (const [number, live] of [
  ['+34600000000', true],
  ['99012345678', true],
  ['+990', true],
  ['+99012345678901234', true],
  ['', true],
  ['+99012345678', false],
] as const)
  test(`--number ${number || 'without one'} is refused ${live ? 'with' : 'without'} --live, and nothing is tried`, async (t) => {
    const { passed, lines, warnings } = await runPreflight(requiredSettings(), live, number)
    t.strictSame([passed, lines, warnings], [false, [], ['--number']])
  })

test('a token that is refused fails the check, and what was tried is not told as untried', async (t) => {
  const { passed, lines, notTried } = await runPreflight(listeningSettings(), true, undefined, '/nonexistent')
  t.equal(passed, false)
  t.ok(lines.some((line) => line.startsWith('token: ')))
  t.ok(!notTried.includes('--token-file'))
})
