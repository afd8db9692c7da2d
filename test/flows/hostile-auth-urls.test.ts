/** Vonage answers with hostile URLs, from either product, and none of them gets to a phone; good ones do, byte for byte. */

import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { t as file, type Test, test } from 'tap'
import { openService } from '../../src/compose.ts'
import { parseConfig } from '../../src/config.ts'
import { allowedHosts, foreignAuthUrls, goodAuthUrls, hostileAuthUrls } from '../support/hostile-auth-urls.ts'
import { assertProblem } from '../support/problem.ts'
import { callWhenCalm } from '../support/raw-http.ts'
import { answerStartWith, goodStart, openUpstream, settingsFor, unlimited } from '../support/upstream.ts'

const upstream = await openUpstream(file)
const { headers, ...start } = goodStart(upstream)

async function open(hosts: string, product = 'network_enablement'): Promise<string> {
  const settings = settingsFor(upstream, {
    ...unlimited,
    LOG_LEVEL: 'silent',
    VONAGE_AUTH_URL_HOSTS: hosts,
    VONAGE_PRODUCT: product,
    VONAGE_BRAND: 'Canary',
    VONAGE_VERIFY_URL: upstream.origin,
  })
  const { url, close } = await openService(parseConfig(settings))
  file.teardown(() => close())
  return url
}

const listed = [await open(allowedHosts), await open(allowedHosts, 'verify')]
const services = [await open(''), await open('', 'verify'), ...listed]

/** Of Verify v2. */
function acceptWith(checkUrl: string) {
  return (_request: unknown, response: ServerResponse): void => {
    response.writeHead(202, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ request_id: randomUUID(), check_url: checkUrl }))
  }
}

let started = 0

/** What the app gets when Vonage answers a start with this URL. */
function startWith(authUrl: string, service: string) {
  upstream.documents.set('/v0.1/network-enablement', answerStartWith(authUrl))
  upstream.documents.set('/v2/verify', acceptWith(authUrl))
  // Not the same number twice: a URL that Verify has handed out would be handed out again.
  const body = JSON.stringify({ phone_number: `+990${10_000_000 + ++started}` })
  return callWhenCalm(service, { ...start, headers, body })
}

async function assertRefused(t: Test, authUrl: string, service: string): Promise<void> {
  const answer = await startWith(authUrl, service)
  t.equal(answer.status, 502)
  assertProblem(t, answer, 'upstream_invalid')
  t.notMatch(answer.body + answer.lines.join(), /canary|vonage\.com|evil|operator\.example/i)
}

for (const [kind, urls] of Object.entries(hostileAuthUrls))
  test(`none of ${urls.length} URLs is handed out: ${kind}`, async (t) => {
    for (const authUrl of urls) for (const service of services) await assertRefused(t, authUrl, service)
  })

test(`none of ${foreignAuthUrls.length} fair URLs of others is handed out when hosts are listed`, async (t) => {
  for (const authUrl of foreignAuthUrls)
    for (const service of listed) await assertRefused(t, authUrl, service)
})

test('they are more than 300, each of them once', async (t) => {
  const all = [...Object.values(hostileAuthUrls).flat(), ...foreignAuthUrls]
  t.ok(all.length > 400)
  t.equal(new Set(all).size, all.length)
})

test(`${goodAuthUrls.length} good URLs are handed out byte for byte`, async (t) => {
  for (const authUrl of goodAuthUrls)
    for (const service of services) {
      const { status, body } = await startWith(authUrl, service)
      t.equal(status, 200)
      t.equal(body, JSON.stringify({ auth_url: authUrl, requires_carrier_network: true }))
    }
})
