/**
 * The page that looks like a phone, and the walk behind it, against the real service.
 */

import { before, t as file, test } from 'tap'
import type { Simulator } from '../../simulator/simulator.ts'
import { matching, notMatching, openPhoneWorld } from './phone-harness.ts'

let simulator: Simulator
let close: () => Promise<void>

before(async () => {
  ;({ simulator, close } = await openPhoneWorld())
})

file.teardown(() => close())

test('the page and its files come from this listener, with a strict policy', async (t) => {
  const page = await fetch(simulator.phonePageUrl)
  const html = await page.text()
  const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => String(address))
  t.ok(addresses.length >= 5)
  const types: Record<string, string> = {
    css: 'text/css; charset=utf-8',
    js: 'text/javascript; charset=utf-8',
    svg: 'image/svg+xml',
  }
  for (const address of addresses) {
    t.match(address, /^\/phone\/[a-z]+\.(css|js|svg)$/)
    const file = await fetch(new URL(address, simulator.phonePageUrl))
    t.equal(file.status, 200, address)
    t.equal(file.headers.get('content-type'), types[address.split('.')[1] ?? ''])
    t.equal(file.headers.get('x-content-type-options'), 'nosniff')
  }
  t.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  const policy = page.headers.get('content-security-policy') ?? ''
  t.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/)
  t.notMatch(policy, /unsafe|http/)
  t.notMatch(html, /<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=/)
})

test('the page gets the documented numbers', async (t) => {
  const numbers = (await (await fetch(new URL('/phone/numbers', simulator.phonePageUrl))).json()) as object[]
  t.strictSame(numbers[0], {
    number: matching,
    step: 'verify',
    description: 'verified true (Vonage’s example)',
    rule: false,
  })
})

test('the walk of the page streams one JSON object a line, the outcome last', async (t) => {
  const response = await postWalk({ phone_number: matching, network: 'cellular', with_attacker: true })
  t.equal(response.headers.get('content-type'), 'application/x-ndjson')
  const text = await response.text()
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  t.strictSame(new Set(events.map(({ type }) => type)), new Set(['step', 'attack', 'outcome']))
  t.strictSame(
    events.find(({ type }) => type === 'attack'),
    { type: 'attack', status: 400, code: 'invalid_state' },
  )
  t.hasStrict(events.at(-1), {
    type: 'outcome',
    outcome: {
      verified: true,
      receipt: {
        header: { typ: 'phone-number-receipt+jwt', alg: 'ES256' },
        claims: { phone_number: '+*********78', phone_number_verified: true, verification_method: 'network' },
        check: 'good',
      },
    },
  })
  t.notMatch(text, /eyJ[\w-]{20}/, 'neither the token nor the receipt is shown whole')
  const started = { caption: 'Start', status: 200, inside: [{ from: 'service' }] }
  t.hasStrict(
    events.find(({ step }) => (step as { inside?: unknown } | undefined)?.inside),
    { step: started },
  )
  t.notMatch(text, /eyJ[\w-]{8}/)
})

test('two walks at once do not mix their hops', async (t) => {
  const walks = [matching, notMatching].map(async (phone_number) => {
    return (await postWalk({ phone_number, network: 'cellular', with_attacker: false })).text()
  })
  for (const text of await Promise.all(walks)) t.equal(text.split('"to":"vonage"').length - 1, 5)
})

test('the walk of the page refuses nonsense', async (t) => {
  const good = { phone_number: matching, network: 'cellular', with_attacker: false }
  for (const body of [
    {},
    [],
    null,
    { ...good, phone_number: 1 },
    { ...good, phone_number: '1'.repeat(41) },
    { ...good, network: 'pigeon' },
    { ...good, with_attacker: 'yes' },
    { ...good, service_url: 'http://attacker.example' },
  ]) {
    const response = await postWalk(body)
    t.equal(response.status, 400, JSON.stringify(body))
    t.hasStrict(await response.json(), { error: 'invalid_request' })
  }
  const asText = await postWalk(good, 'text/plain')
  t.equal(asText.status, 400)
})

function postWalk(body: unknown, type = 'application/json'): Promise<Response> {
  return fetch(new URL('/phone/verify', simulator.phonePageUrl), {
    method: 'POST',
    headers: { 'content-type': type },
    body: JSON.stringify(body),
  })
}
