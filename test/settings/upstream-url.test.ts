/** URLs of what this service calls. Which settings they are asked of: config.test.ts. */
import { test } from 'tap'
import { isUpstreamUrl, upstreamUrlFault } from '../../src/settings/upstream-url.ts'

test('allowing plain http allows nothing else', async (t) => {
  t.ok(isUpstreamUrl('http://a', true) && !isUpstreamUrl('http://a', false))
  for (const url of ['ftp://a', 'file:///etc/passwd', 'http://user:word@a', 'http://a/#b', 'a', ''])
    t.equal(isUpstreamUrl(url, true), false, url)
})

test('each fault is told apart, without a piece of the URL', async (t) => {
  const faults = ['canary', 'ftp://canary', 'http://canary', 'https://u:canary@a', 'https://a/#canary'].map(
    (url) => upstreamUrlFault(url, false),
  )
  t.equal(new Set(faults).size, faults.length)
  t.notMatch(faults.join(), /canary/)
  t.not(upstreamUrlFault('ftp://canary', true), upstreamUrlFault('ftp://canary', false))
})
