/** Whose address is counted: X-Forwarded-For is believed from trusted proxies, and from nobody else. */
import { type Test, test } from 'tap'
import { openLimitedServer } from '../support/limited-server.ts'

const target = `/v1/network-enablement/callback?code=c&state=${'s'.repeat(43)}`
const limit = 5
const addressOf = (n: number) => `198.51.${n >> 8}.${n & 255}`

/** @returns how many of so many requests pass, each with its own X-Forwarded-For */
async function passing(
  t: Test,
  trustedProxies: string[],
  forwardedFor: (n: number) => string | readonly string[],
  requests = 200,
): Promise<number> {
  const { send } = await openLimitedServer(t, { addressPerMinute: limit }, trustedProxies)
  let passed = 0
  for (let n = 0; n < requests; n++) {
    const { status } = await send({ target, headers: { 'x-forwarded-for': forwardedFor(n) } })
    t.ok(status === 200 || status === 429, String(status))
    if (status === 200) passed += 1
  }
  return passed
}

/** The client is 127.0.0.1 in all of them. */
const oneClient: readonly [how: string, trusted: string[], forwardedFor: (n: number) => string | string[]][] =
  [
    ['sends any X-Forwarded-For, and no proxy is trusted', [], addressOf],
    ['sends any X-Forwarded-For, and is not the trusted proxy', ['10.0.0.0/8', '127.0.0.2'], addressOf],
    [
      'puts any address before the one that the trusted proxy adds',
      ['127.0.0.1'],
      (n) => `${addressOf(n)}, 192.0.2.1`,
    ],
    [
      'puts a trusted address before the one that the trusted proxy adds',
      ['127.0.0.0/8'],
      (n) => `127.0.0.${n}, 192.0.2.1`,
    ],
    [
      'sends a header of its own beside that of the trusted proxy',
      ['127.0.0.1'],
      (n) => [addressOf(n), '192.0.2.1'],
    ],
    ['takes any address of its /64', ['127.0.0.1'], (n) => `2001:db8::${n.toString(16)}:1`],
    ['is written as IPv4 and as IPv6', ['127.0.0.1'], (n) => (n % 2 ? '192.0.2.1' : '::ffff:192.0.2.1')],
    ['comes with its port', ['127.0.0.1'], (n) => `192.0.2.1:${1024 + n}`],
    ['comes with its port, by IPv6', ['127.0.0.1'], (n) => `[2001:db8::1]:${1024 + n}`],
    ['is written with brackets or without', ['127.0.0.1'], (n) => (n % 2 ? '2001:db8::1' : '[2001:db8::1]')],
    [
      'is behind a proxy of ours that is written with its port',
      ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'],
      (n) => `${addressOf(n)}, 192.0.2.1:${n}, 10.0.0.1:${n}, [fd00::1]:${n}`,
    ],
  ]

for (const [how, trusted, forwardedFor] of oneClient)
  test(`exactly 5 of 200 requests pass when one client ${how}`, async (t) => {
    t.equal(await passing(t, trusted, forwardedFor), limit)
  })

test('every client has its own limit behind a trusted proxy', async (t) => {
  t.equal(await passing(t, ['127.0.0.1'], (n) => addressOf(n % 20)), 20 * limit)
})

for (const [kind, addressOfClient] of [
  ['IPv4', (n: number) => `${addressOf(n % 20)}:${n + 1}`],
  ['IPv6', (n: number) => `[2001:db8:0:${n % 20}::1]:${n + 1}`],
] as const)
  test(`every client has its own limit when its ${kind} address comes with a port`, async (t) => {
    t.equal(await passing(t, ['127.0.0.1'], addressOfClient), 20 * limit)
  })

test('the client is the last address that no proxy of ours has', async (t) => {
  const chain = (n: number) => `203.0.113.9, ${addressOf(n % 10)}, 10.0.0.${n % 3}`
  t.equal(await passing(t, ['127.0.0.1', '10.0.0.0/8'], chain), 10 * limit)
})

test('no other header than X-Forwarded-For names a client', async (t) => {
  const { send } = await openLimitedServer(t, { addressPerMinute: limit }, ['127.0.0.1'])
  const names = [
    'forwarded',
    'x-real-ip',
    'x-client-ip',
    'cf-connecting-ip',
    'true-client-ip',
    'x-forwarded-host',
  ]
  let passed = 0
  for (let n = 0; n < 20; n++) {
    const headers = Object.fromEntries(names.map((name) => [name, addressOf(n)]))
    if ((await send({ target, headers: { ...headers, forwarded: `for=${addressOf(n)}` } })).status === 200)
      passed += 1
  }
  t.equal(passed, limit)
})
