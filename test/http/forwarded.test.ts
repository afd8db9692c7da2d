/** Addresses as proxies write them, and the warning when nobody believes them. Whose limit they are is in `forwarded-addresses.test.ts`. */
import { test } from 'tap'
import { withoutPorts } from '../../src/http/forwarded.ts'
import { openPublicServer } from '../support/public-server.ts'
import { call } from '../support/raw-http.ts'

for (const [written, address] of [
  ['192.0.2.1', '192.0.2.1'],
  ['192.0.2.1:49152', '192.0.2.1'],
  ['2001:db8::1', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['[2001:db8::1]:49152', '2001:db8::1'],
  ['[::ffff:192.0.2.1]:49152', '::ffff:192.0.2.1'],
  ['::ffff:192.0.2.1', '::ffff:192.0.2.1'],
  ['192.0.2.1:1, [2001:db8::1]:2,10.0.0.1', '192.0.2.1, 2001:db8::1,10.0.0.1'],
  ['[, 192.0.2.1, [10.0.0.1]:80', '[, 192.0.2.1, 10.0.0.1'],
  ['unknown, _hidden:80, , :80, []:80', 'unknown, _hidden:80, , :80, '],
] as const)
  test(`${written} is ${address}`, async (t) => {
    t.equal(withoutPorts(written), address)
  })

const headers = [{ 'x-forwarded-for': '192.0.2.1' }, { forwarded: 'for=192.0.2.1' }]

for (const forwarding of headers)
  test(`a warning tells once that ${Object.keys(forwarding)} comes although no proxy is trusted`, async (t) => {
    const { url, log } = await openPublicServer(t)
    const warnings = () => log.entries().filter(({ level }) => level === 'warn')
    await call(url, { target: '/livez' })
    t.equal(warnings().length, 0)
    for (const one of [forwarding, ...headers]) await call(url, { target: '/livez', headers: one })
    t.equal(warnings().length, 1)
    t.notMatch(log.lines.join(), /192\.0\.2\.1/)
  })

test('no warning tells it where a proxy is trusted', async (t) => {
  const { url, log } = await openPublicServer(t, { trustedProxies: ['127.0.0.1'] })
  for (const one of headers) await call(url, { target: '/livez', headers: one })
  t.ok(log.entries().every(({ level }) => level !== 'warn'))
})
