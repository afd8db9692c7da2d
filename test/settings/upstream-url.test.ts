/** URLs of what this service calls. Which settings they are asked of: config.test.ts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isUpstreamUrl, upstreamUrlFault } from '../../src/settings/upstream-url.ts'

test('allowing plain http allows nothing else', () => {
  assert.ok(isUpstreamUrl('http://a', true) && !isUpstreamUrl('http://a', false))
  for (const url of ['ftp://a', 'file:///etc/passwd', 'http://user:word@a', 'http://a/#b', 'a', ''])
    assert.equal(isUpstreamUrl(url, true), false, url)
})

test('each fault is told apart, without a piece of the URL', () => {
  const faults = ['canary', 'ftp://canary', 'http://canary', 'https://u:canary@a', 'https://a/#canary'].map(
    (url) => upstreamUrlFault(url, false),
  )
  assert.equal(new Set(faults).size, faults.length)
  assert.doesNotMatch(faults.join(), /canary/)
  assert.notEqual(upstreamUrlFault('ftp://canary', true), upstreamUrlFault('ftp://canary', false))
})
