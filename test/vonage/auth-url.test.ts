/** Which URLs from upstream may reach a phone: the good forms, and a table of hostile ones. */
import { test } from 'tap'
import { type AuthUrlPolicy, createAuthUrlPolicy, isAllowedAuthUrl } from '../../src/vonage/auth-url.ts'

const anyHost: AuthUrlPolicy = { hosts: [], http: 'none' }
const listed: AuthUrlPolicy = {
  hosts: ['api-eu.vonage.com', '*.vonage.com', 'auth.operator.example'],
  http: 'none',
}
const virtual: AuthUrlPolicy = { hosts: [], http: 'loopback' }

const fromVonage =
  'https://api-eu.vonage.com/oauth2/auth?client_id=sandbox_test&redirect_uri=https%3A%2F%2Fexample.com%2Fcb&response_type=code&scope=openid&state=v2_840e17a8-79f2-1a277bff'
const filler = 'a'.repeat(2048 - 'https://api-eu.vonage.com/'.length)

const good: [string, string, AuthUrlPolicy[]][] = [
  ['the example of the documentation', fromVonage, [anyHost, listed]],
  ['another name below the suffix', 'https://oidc.idp.vonage.com/oauth2/auth?a=b', [anyHost, listed]],
  ['a listed host outside the suffix', 'https://auth.operator.example/start', [anyHost, listed]],
  ['any host when none is listed', 'https://carrier.example/authorize?x=%20y', [anyHost]],
  ['a host in capitals', 'https://API-EU.Vonage.com/oauth2/auth', [anyHost, listed]],
  ['no path', 'https://api-eu.vonage.com', [anyHost, listed]],
  ['a query right after the host', 'https://api-eu.vonage.com?client_id=1', [anyHost, listed]],
  ['a port of its own', 'https://api-eu.vonage.com:8443/auth', [anyHost, listed]],
  ['an @ in the path or the query', 'https://api-eu.vonage.com/@me?to=a@b.example', [anyHost, listed]],
  ['a URL in the query', 'https://api-eu.vonage.com/auth?next=https://other.example//', [anyHost, listed]],
  ['a well-formed punycode host', 'https://xn--mnchen-3ya.example/auth', [anyHost]],
  ['exactly 2,048 characters', `https://api-eu.vonage.com/${filler}`, [anyHost, listed]],
  ['plain http of a virtual operator', 'http://127.0.0.1:4000/oauth2/auth?x=1', [virtual]],
  ['https of a virtual operator', fromVonage, [virtual]],
]

for (const [what, url, policies] of good) {
  test(`passes ${what}`, async (t) => {
    for (const policy of policies) t.equal(isAllowedAuthUrl(url, policy), true)
  })
}

/** Refused whatever the policy. */
const hostile: Record<string, string> = {
  'nothing at all': '',
  'a space': ' ',
  'a path alone': '/oauth2/auth',
  'a host alone': 'api-eu.vonage.com/oauth2/auth',
  'a network-path reference': '//api-eu.vonage.com/oauth2/auth',
  'a scheme alone': 'https:',
  'a scheme and slashes alone': 'https://',
  'no slashes': 'https:api-eu.vonage.com/auth',
  'one slash': 'https:/api-eu.vonage.com/auth',
  'three slashes': 'https:///api-eu.vonage.com/auth',
  'four slashes': 'https:////api-eu.vonage.com/auth',
  'a scheme in capitals': 'HTTPS://api-eu.vonage.com/auth',
  'a scheme in mixed case': 'Https://api-eu.vonage.com/auth',
  'no colon': 'https//api-eu.vonage.com/auth',
  'a javascript URL': 'javascript:alert(1)',
  'a javascript URL that looks like a host': 'javascript://api-eu.vonage.com/%0aalert(1)',
  'a data URL': 'data:text/html,<script>alert(1)</script>',
  'a file URL': 'file:///etc/passwd',
  'a blob URL': 'blob:https://api-eu.vonage.com/0',
  'an ftp URL': 'ftp://api-eu.vonage.com/auth',
  'a websocket URL': 'wss://api-eu.vonage.com/auth',
  'an Android intent': 'intent://api-eu.vonage.com/#Intent;scheme=https;end',
  'an app link': 'vonage://api-eu.vonage.com/auth',
  'a tel URL': 'tel:+34600000001',
  'a view-source URL': 'view-source:https://api-eu.vonage.com/auth',
  'a user name': 'https://user@api-eu.vonage.com/auth',
  'a user name and a password': 'https://user:pass@api-eu.vonage.com/auth',
  'a password alone': 'https://:pass@api-eu.vonage.com/auth',
  'a host as the user name': 'https://api-eu.vonage.com@evil.example/auth',
  'a host and a port as userinfo': 'https://api-eu.vonage.com:443@evil.example/auth',
  'an empty user name': 'https://@api-eu.vonage.com/auth',
  'empty userinfo': 'https://:@api-eu.vonage.com/auth',
  'two @': 'https://a@b@api-eu.vonage.com/auth',
  'an escaped @': 'https://api-eu.vonage.com%40evil.example/auth',
  'a backslash before the host': 'https:\\\\api-eu.vonage.com\\auth',
  'a backslash and an @': 'https://evil.example\\@api-eu.vonage.com/auth',
  'a backslash after the host': 'https://api-eu.vonage.com\\.evil.example/auth',
  'a backslash in the path': 'https://api-eu.vonage.com/\\evil.example',
  'a tab in the scheme': 'ht\ttps://api-eu.vonage.com/auth',
  'a tab in the host': 'https://api-eu.vonage\t.com/auth',
  'a newline in the host': 'https://api-eu.vonage\n.com/auth',
  'a newline at the end': 'https://api-eu.vonage.com/auth\n',
  'a CRLF and a header': 'https://api-eu.vonage.com/auth\r\nset-cookie:a=b',
  'a NUL': 'https://api-eu.vonage.com/\0auth',
  'a DEL': 'https://api-eu.vonage.com/\x7fauth',
  'a leading space': ' https://api-eu.vonage.com/auth',
  'a trailing space': 'https://api-eu.vonage.com/auth ',
  'a space in the path': 'https://api-eu.vonage.com/a b',
  'a non-breaking space': 'https://api-eu.vonage.com/a\u00a0b',
  'a line separator': 'https://api-eu.vonage.com/a\u2028b',
  'a byte order mark': '\ufeffhttps://api-eu.vonage.com/auth',
  'an ideographic full stop': 'https://api-eu。vonage。com/auth',
  'a full-width full stop': 'https://api-eu．vonage．com/auth',
  'a half-width ideographic full stop': 'https://api-eu｡vonage｡com/auth',
  'a full-width slash': 'https://api-eu.vonage.com／.evil.example/auth',
  'full-width letters': 'https://ａｐｉ-eu.vonage.com/auth',
  'a Cyrillic letter': 'https://api-eu.vоnage.com/auth',
  'a Kelvin sign': 'https://\u212adn.vonage.com/auth',
  'a sharp s': 'https://vonageß.example/auth',
  'a soft hyphen': 'https://api-eu.von\u00adage.com/auth',
  'a zero-width joiner': 'https://api-eu.von\u200dage.com/auth',
  'a right-to-left override': 'https://api-eu.vonage.com/\u202emoc',
  'an umlaut in the query': 'https://api-eu.vonage.com/?q=ü',
  'a lone surrogate': 'https://api-eu.vonage.com/\ud800',
  'an escaped letter in the host': 'https://%61pi-eu.vonage.com/auth',
  'an escaped dot in the host': 'https://api-eu%2evonage.com/auth',
  'an escaped slash in the host': 'https://evil.example%2fapi-eu.vonage.com/auth',
  'an escaped NUL in the host': 'https://api-eu.vonage.com%00.evil.example/auth',
  'a broken escape in the host': 'https://api-eu.vonage.com%/auth',
  'a decimal IPv4': 'https://2130706433/auth',
  'a hexadecimal IPv4': 'https://0x7f000001/auth',
  'an octal IPv4': 'https://0177.0.0.1/auth',
  'a short IPv4': 'https://127.1/auth',
  'an IPv4 with a leading 0': 'https://127.0.0.01/auth',
  'an IPv4 with a trailing dot': 'https://127.0.0.1./auth',
  'an IPv4 out of range': 'https://256.0.0.1/auth',
  'an uncompressed IPv6': 'https://[0:0:0:0:0:0:0:1]/auth',
  'an IPv6 with an IPv4 tail': 'https://[::ffff:127.0.0.1]/auth',
  'an IPv6 with a zone': 'https://[fe80::1%25eth0]/auth',
  'an unclosed bracket': 'https://[::1/auth',
  'the default port': 'https://api-eu.vonage.com:443/auth',
  'a port with a leading 0': 'https://api-eu.vonage.com:08443/auth',
  'an empty port': 'https://api-eu.vonage.com:/auth',
  'a port that is none': 'https://api-eu.vonage.com:abc/auth',
  'a port out of range': 'https://api-eu.vonage.com:65536/auth',
  'a fragment': 'https://api-eu.vonage.com/auth#access_token=1',
  'an empty fragment': 'https://api-eu.vonage.com/auth#',
  'a fragment right after the host': 'https://evil.example#@api-eu.vonage.com/',
  'a host with a forbidden character': 'https://api-eu.vonage.com<.evil.example/auth',
  'a host with a semicolon and an @': 'https://api-eu.vonage.com;@evil.example/auth',
  'two URLs': 'https://api-eu.vonage.com/auth https://evil.example',
  '2,049 characters': `https://api-eu.vonage.com/${filler}a`,
  'a million characters': `https://api-eu.vonage.com/${'a'.repeat(1_000_000)}`,
}

for (const [what, url] of Object.entries(hostile)) {
  test(`refuses ${what}`, async (t) => {
    for (const policy of [anyHost, listed, virtual]) t.equal(isAllowedAuthUrl(url, policy), false)
  })
}

/** Refused by the allow-list; most are fair URLs of somebody else. */
const unlisted: Record<string, string> = {
  'another host': 'https://evil.example/auth',
  'a longer name with the same end': 'https://evilvonage.com/auth',
  'a longer name with a hyphen': 'https://evil-vonage.com/auth',
  'the suffix as a prefix': 'https://vonage.com.evil.example/auth',
  'the host as a prefix': 'https://api-eu.vonage.com.evil.example/auth',
  'the suffix without a name below it': 'https://vonage.com/auth',
  'a name below a listed exact host': 'https://a.auth.operator.example/auth',
  'the parent of a listed exact host': 'https://operator.example/auth',
  'a trailing dot': 'https://api-eu.vonage.com./auth',
  'a trailing dot of an exact host': 'https://auth.operator.example./auth',
  'an unlisted host with a listed one in the path': 'https://evil.example/api-eu.vonage.com',
  'an unlisted host with a listed one in the query': 'https://evil.example?.vonage.com',
  'a listed host after an @ in the query': 'https://evil.example?@api-eu.vonage.com/',
  'a listed host after an @ in the path': 'https://evil.example/@api-eu.vonage.com/',
  'the suffix with another end': 'https://api-eu.vonage.co/auth',
  'a swapped dot': 'https://api-eu-vonage.com/auth',
  'the suffix with nothing before its dot': 'https://.vonage.com/auth',
  'the wildcard itself': 'https://*.vonage.com.evil.example/auth',
  'a punycode look-alike': 'https://api-eu.xn--vnage-mbc.com/auth',
  loopback: 'https://127.0.0.1/auth',
  'IPv6 loopback': 'https://[::1]/auth',
  'a metadata address': 'https://169.254.169.254/latest',
  localhost: 'https://localhost/auth',
}

for (const [what, url] of Object.entries(unlisted)) {
  test(`with an allow-list, refuses ${what}`, async (t) => {
    t.equal(isAllowedAuthUrl(url, listed), false)
  })
}

test('plain http is refused unless the policy allows it', async (t) => {
  for (const policy of [anyHost, listed])
    t.equal(isAllowedAuthUrl('http://api-eu.vonage.com/auth', policy), false)
})

test('allowing http loosens nothing else', async (t) => {
  for (const url of [
    'http:127.0.0.1:4000/auth',
    'http://user@127.0.0.1/auth',
    'HTTP://127.0.0.1/',
    'http://127.1/',
  ])
    t.equal(isAllowedAuthUrl(url, virtual), false)
  t.equal(isAllowedAuthUrl('http://evil.example/', { ...listed, http: 'any' }), false)
})

test('plain http passes to loopback, and to any host only when the policy says so', async (t) => {
  const any: AuthUrlPolicy = { hosts: [], http: 'any' }
  for (const host of ['localhost', '127.0.0.1', '127.9.9.9', '[::1]', '[::1]:4000', 'localhost:4000'])
    for (const policy of [virtual, any]) t.equal(isAllowedAuthUrl(`http://${host}/auth`, policy), true)
  for (const host of [
    'evil.example',
    'localhost.example',
    '127.0.0.1.example',
    '10.0.0.1',
    '128.0.0.1',
    'a.localhost',
  ]) {
    t.equal(isAllowedAuthUrl(`http://${host}/auth`, virtual), false, host)
    t.equal(isAllowedAuthUrl(`http://${host}/auth`, any), true, host)
  }
})

test('a policy lets plain http pass only from an API that is itself reached by plain http', async (t) => {
  for (const [apiUrl, allowInsecure, http] of [
    ['https://api-eu.vonage.com', false, 'none'],
    ['https://api-eu.vonage.com', true, 'none'],
    ['http://127.0.0.1:4000', false, 'loopback'],
    ['http://simulator:4000', true, 'any'],
  ] as const)
    t.strictSame(createAuthUrlPolicy({ hosts: ['a'], apiUrl, allowInsecure }), { hosts: ['a'], http })
})
