/**
 * The page that looks like a phone, and the walk behind it, against the real service.
 */

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Simulator } from '../../simulator/simulator.ts'
import { matching, notMatching, openPhoneWorld } from './phone-harness.ts'

let simulator: Simulator
let close: () => Promise<void>

before(async () => {
  ;({ simulator, close } = await openPhoneWorld())
})

after(() => close())

test('the page and its files come from this listener, with a strict policy', async () => {
  const page = await fetch(simulator.phonePageUrl)
  const html = await page.text()
  const addresses = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => String(address))
  assert.ok(addresses.length >= 5)
  const types: Record<string, string> = {
    css: 'text/css; charset=utf-8',
    js: 'text/javascript; charset=utf-8',
    svg: 'image/svg+xml',
  }
  for (const address of addresses) {
    assert.match(address, /^\/phone\/[a-z]+\.(css|js|svg)$/)
    const file = await fetch(new URL(address, simulator.phonePageUrl))
    assert.equal(file.status, 200, address)
    assert.equal(file.headers.get('content-type'), types[address.split('.')[1] ?? ''])
    assert.equal(file.headers.get('x-content-type-options'), 'nosniff')
  }
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
  const policy = page.headers.get('content-security-policy') ?? ''
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/)
  assert.doesNotMatch(policy, /unsafe|http/)
  assert.doesNotMatch(html, /<script(?![^>]*\ssrc=)|<style|\son\w+=|\sstyle=/)
})

test('the page gets the documented numbers', async () => {
  const numbers = (await (await fetch(new URL('/phone/numbers', simulator.phonePageUrl))).json()) as object[]
  assert.deepEqual(numbers[0], {
    number: matching,
    step: 'verify',
    description: 'verified true (Vonage’s example)',
    rule: false,
  })
})

test('the walk of the page streams one JSON object a line, the outcome last', async () => {
  const response = await postWalk({ phone_number: matching, network: 'cellular', with_attacker: true })
  assert.equal(response.headers.get('content-type'), 'application/x-ndjson')
  const text = await response.text()
  const events = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.deepEqual(new Set(events.map(({ type }) => type)), new Set(['step', 'attack', 'outcome']))
  assert.deepEqual(
    events.find(({ type }) => type === 'attack'),
    { type: 'attack', status: 400, code: 'invalid_state' },
  )
  assert.partialDeepStrictEqual(events.at(-1), {
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
  assert.doesNotMatch(text, /eyJ[\w-]{20}/, 'neither the token nor the receipt is shown whole')
  const started = { caption: 'Start', status: 200, inside: [{ from: 'service' }] }
  assert.partialDeepStrictEqual(
    events.find(({ step }) => (step as { inside?: unknown } | undefined)?.inside),
    { step: started },
  )
  assert.doesNotMatch(text, /eyJ[\w-]{8}/)
})

test('two walks at once do not mix their hops', async () => {
  const walks = [matching, notMatching].map(async (phone_number) => {
    return (await postWalk({ phone_number, network: 'cellular', with_attacker: false })).text()
  })
  for (const text of await Promise.all(walks)) assert.equal(text.split('"to":"vonage"').length - 1, 5)
})

test('the walk of the page refuses nonsense', async () => {
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
    assert.equal(response.status, 400, JSON.stringify(body))
    assert.partialDeepStrictEqual(await response.json(), { error: 'invalid_request' })
  }
  const asText = await postWalk(good, 'text/plain')
  assert.equal(asText.status, 400)
})

function postWalk(body: unknown, type = 'application/json'): Promise<Response> {
  return fetch(new URL('/phone/verify', simulator.phonePageUrl), {
    method: 'POST',
    headers: { 'content-type': type },
    body: JSON.stringify(body),
  })
}
