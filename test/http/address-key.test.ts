/** What counts as one client address. */
import { test } from 'tap'
import { addressKey } from '../../src/http/rate-limit.ts'

/** All of a row are one client. */
const groups: readonly (readonly string[])[] = [
  ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:192.0.2.1', '192.0.2.1:5000', '192.0.2.1:50001'],
  ['192.0.2.2', '::ffff:192.0.2.2'],
  ['127.0.0.1', '::ffff:127.0.0.1'],
  [
    '2001:db8::',
    '2001:db8::1',
    '2001:db8::ffff:ffff:ffff:ffff',
    '2001:db8:0:0:1:2:3:4',
    '2001:0db8::1',
    '2001:DB8::1',
  ],
  [
    '2001:db8:0:1::',
    '2001:db8:0:1::1',
    '2001:db8:0:1:ffff:ffff:ffff:ffff',
    '2001:db8::1:0:0:0:1',
    '2001:db8:0:1:0::1',
  ],
  ['2001:db8:1::1', '2001:db8:1:0::'],
  ['1:2:3:4:5:6:7:8', '1:2:3:4::', '1:2:3:4::8', '1:2:3:4:5:6:7::', '01:02:03:04:a:b:c:d'],
  ['::1', '::', '::2', '0:0:0:0:0:0:0:1'],
  ['1::', '1::1', '1:0:0:0::'],
  ['0:1::', '::1:0:0:0:0:0:0', '0:1:0:0:0:0:0:0'],
  ['fe80::1', 'fe80::1%eth0', 'fe80::2%eth1'],
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:201'],
]

for (const [first = '', ...others] of groups)
  test(`${first} and its like are one client, and nobody else's`, async (t) => {
    for (const other of others) t.equal(addressKey(other), addressKey(first), other)
    const strangers = groups.filter(([head]) => head !== first).flat()
    for (const stranger of strangers) t.not(addressKey(stranger), addressKey(first), stranger)
  })

test('an IPv4 address is its own group, and an IPv6 network is written in one way', async (t) => {
  t.equal(addressKey('::ffff:192.0.2.1'), '192.0.2.1')
  t.equal(addressKey('2001:0DB8::1'), '2001:db8::')
})

test('any text is a group of some kind', async (t) => {
  for (const text of [
    '',
    ':',
    '::',
    ':::',
    'unknown',
    '_hidden',
    '[2001:db8::1]:5000',
    'a:b:c:d:e:f:g:h:i:j',
    'x'.repeat(1000),
  ])
    t.equal(typeof addressKey(text), 'string')
})
