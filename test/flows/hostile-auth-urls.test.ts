/** Vonage answers with hostile URLs, from either product, and none of them gets to a phone; good ones do, byte for byte. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { after, test } from 'node:test'
import { openService } from '../../src/compose.ts'
import { parseConfig } from '../../src/config.ts'
import { allowedHosts, foreignAuthUrls, goodAuthUrls, hostileAuthUrls } from '../support/hostile-auth-urls.ts'
import { assertProblem } from '../support/problem.ts'
import { callWhenCalm } from '../support/raw-http.ts'
import { answerStartWith, goodStart, openUpstream, settingsFor, unlimited } from '../support/upstream.ts'

const upstream = await openUpstream({ after })
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
  after(() => close())
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

async function assertRefused(authUrl: string, service: string): Promise<void> {
  const answer = await startWith(authUrl, service)
  assert.equal(answer.status, 502)
  assertProblem(answer, 'upstream_invalid')
  assert.doesNotMatch(answer.body + answer.lines.join(), /canary|vonage\.com|evil|operator\.example/i)
}

for (const [kind, urls] of Object.entries(hostileAuthUrls))
  test(`none of ${urls.length} URLs is handed out: ${kind}`, async () => {
    for (const authUrl of urls) for (const service of services) await assertRefused(authUrl, service)
  })

test(`none of ${foreignAuthUrls.length} fair URLs of others is handed out when hosts are listed`, async () => {
  for (const authUrl of foreignAuthUrls) for (const service of listed) await assertRefused(authUrl, service)
})

test('they are more than 300, each of them once', () => {
  const all = [...Object.values(hostileAuthUrls).flat(), ...foreignAuthUrls]
  assert.ok(all.length > 400)
  assert.equal(new Set(all).size, all.length)
})

test(`${goodAuthUrls.length} good URLs are handed out byte for byte`, async () => {
  for (const authUrl of goodAuthUrls)
    for (const service of services) {
      const { status, body } = await startWith(authUrl, service)
      assert.equal(status, 200)
      assert.equal(body, JSON.stringify({ auth_url: authUrl, requires_carrier_network: true }))
    }
})
