/**
 * URLs that upstream must not get through to a phone, made from small lists of tricks. Each has `canary` in it. The table by hand,
 * with a name for each trick, is in test/vonage/auth-url.test.ts.
 */

const hosts = ['api-eu.vonage.com', 'auth.operator.example']
const tail = '/oauth2/auth?client_id=1&state=canary'

/** What the service is told to allow, for those that only an allow-list can refuse. */
export const allowedHosts = 'api-eu.vonage.com,*.operator.example'

function combine(parts: readonly string[], make: (part: string, host: string) => string): string[] {
  return parts.flatMap((part) => hosts.map((host) => make(part, host)))
}

const schemes = [
  'javascript',
  'data',
  'file',
  'ftp',
  'ws',
  'wss',
  'intent',
  'vonage',
  'tel',
  'about',
  'HTTPS',
  'hTTps',
  'httpss',
  'https+x',
  'http\u017f',
  'blob:https',
  'view-source:https',
  'jar:https',
  'url:https',
]

/** Each alone at each of these places. */
const characters = '\t\n\v\f\r\0\x01\x1b\x7f\\ \u0085\u00a0\u00ad\u200b\u200d\u2028\u202e\u2060\ufeff\ud800é'
const places: Array<(character: string, host: string) => string> = [
  (character, host) => `${character}https://${host}${tail}`,
  (character, host) => `ht${character}tps://${host}${tail}`,
  (character, host) => `https:/${character}/${host}${tail}`,
  (character, host) => `https://${character}${host}${tail}`,
  (character, host) => `https://${host.replace('.', `${character}.`)}${tail}`,
  (character, host) => `https://${host}${character}${tail}`,
  (character, host) => `https://${host}${character}.evil.example${tail}`,
  (character, host) => `https://${host}${tail}${character}`,
]

/** What looks like the letter, or becomes it. */
const lookAlikes: Record<string, string[]> = {
  a: ['\u0430', '\uff41', '\u24d0', '\u00aa', '\u1d43', '%61'],
  e: ['\u0435', '\uff45', '\u24d4', '\u212f', '%65'],
  o: ['\u043e', '\u03bf', '\uff4f', '\u24de', '\u00ba', '%6F'],
  '.': ['\u3002', '\uff0e', '\uff61', '\u2024', '%2e', '%E3%80%82'],
}

/** Refused whatever hosts are allowed, by the kind of trick. */
export const hostileAuthUrls: Readonly<Record<string, readonly string[]>> = {
  schemes: schemes.flatMap((scheme) =>
    ['://', ':', ':///'].map((slashes) => `${scheme}${slashes}${hosts[0]}${tail}`),
  ),
  slashes: combine(
    ['', ':', ':/', ':///', ':////', ':\\\\', ':/\\', ':\\/', '//', ':%2f%2f', '::////', ':\uff0f\uff0f'],
    (slashes, host) => `https${slashes}${host}${tail}`,
  ),
  'no scheme': combine(['//', '/', '', '\\\\', '/\\', '///', '?', '#'], (start, host) => start + host + tail),
  userinfo: combine(
    [
      'a@',
      'a:b@',
      ':@',
      '@',
      ':b@',
      'evil.example@',
      'evil.example:443@',
      'a%40b@',
      '%00@',
      'a:b:c@',
      '%5c@',
    ],
    (userinfo, host) => `https://${userinfo}${host}${tail}`,
  ),
  'a host as userinfo': combine(['@', ':443@', '%2f@', '\\@', '#@', ';@', '&@', ' @'], (end, host) => {
    return `https://${host}${end}evil.example${tail}`
  }),
  characters: [...characters].flatMap((character) =>
    places.flatMap((place) => place(character, 'api-eu.vonage.com')),
  ),
  'look-alikes': Object.entries(lookAlikes).flatMap(([letter, likes]) =>
    combine(likes, (like, host) => `https://${host.replaceAll(letter, like)}${tail}`),
  ),
  ports: combine(
    [
      ':',
      ':443',
      ':0443',
      ':08443',
      ':65536',
      ':-1',
      ':+1',
      ':1e3',
      ':0x1bb',
      ':abc',
      ':1:2',
      ':\u0661',
      ':%31',
    ],
    (port, host) => `https://${host}${port}${tail}`,
  ),
  fragments: combine(
    ['#', '#a', '#//evil.example', '?a#b', '/#?a'],
    (fragment, host) => `https://${host}${fragment}${tail}`,
  ),
  'forbidden in a host': combine(
    ['<', '>', '^', '|', '%', '%00', '%0d%0a', '%23', '%2f', '%5c', '%40', '%zz', '[', ']'],
    (text, host) => `https://${host}${text}.evil.example${tail}`,
  ),
  addresses: [
    '2130706433',
    '0x7f000001',
    '0x7f.1',
    '017700000001',
    '0177.0.0.1',
    '127.1',
    '127.0.1',
    '127.0.0.01',
    '127.0.0.1.',
    '256.0.0.1',
    '1.2.3.4.5',
    '[::127.0.0.1]',
    '[0:0:0:0:0:0:0:1]',
    '[::ffff:127.0.0.1]',
    '[fe80::1%25eth0]',
    '[::1',
    '[]',
    '[v1.a]',
    '\uff11\uff12\uff17.0.0.1',
  ].map((address) => `https://${address}${tail}`),
  length: hosts.map((host) => `https://${host}${tail}`.padEnd(2049, 'a')),
}

/** Fair URLs of somebody else: refused by the allow-list. */
export const foreignAuthUrls: readonly string[] = [
  ...['evil', 'evil-', 'evil.', 'a.b.', 'xn--', '0'].map((start) => `https://${start}${hosts[0]}`),
  ...combine(
    ['.', '.evil.example', '-evil.example', '.com', 'x', '.evil.example:8443'],
    (end, host) => `https://${host}${end}`,
  ),
  ...combine(
    ['/', '?', '/@', '?@', '/?@', '//', '/%2f', '?a=@', '?//', '/..//', '/;@', '/https://'],
    (middle, host) => `https://evil.example${middle}${host}`,
  ),
  ...combine(['-', '_', '~', '--'], (dot, host) => `https://${host.replaceAll('.', dot)}`),
  ...[
    'operator.example',
    'evil-operator.example',
    'evil.operator.example.evil.example',
    'vonage.com',
    'api-us.vonage.com',
    'api-eu.vonage.co',
    'api-eu.xn--vnage-mbc.com',
    'xn--pi-eu-3ve.vonage.com',
    '127.0.0.1',
    '169.254.169.254',
    '[::1]',
    'localhost',
    'localhost:8080',
    'kubernetes.default.svc',
    'metadata.google.internal',
  ].map((host) => `https://${host}`),
].map((url) => `${url}${tail}`)

const goodPaths = ['', '/', '/a', '/oauth2/auth', '/a//b', '/@me', '/%7Ea%20b', "/a;b=c,d!$&'()*+:@"]
const goodQueries = [
  '',
  '?',
  '?state=canary',
  '?a=b&a=b&state=v2_1',
  '?next=https://evil.example//x',
  '?redirect_uri=https%3A%2F%2Fexample.com%2Fcb%3Fa%3Db',
  '?scope=openid%20dpv%3Aa%23b&x=%E2%82%AC',
  '?a=<b>|"^`{}[]',
  '?%00%0d%0a',
]

/** Handed out as they are, whether their hosts are listed or none is. */
export const goodAuthUrls: readonly string[] = [
  ...['api-eu.vonage.com', 'API-EU.Vonage.com', 'api-eu.vonage.com:8443', 'a.b.operator.example'].flatMap(
    (host) => goodPaths.flatMap((path) => goodQueries.map((query) => `https://${host}${path}${query}`)),
  ),
  'https://api-eu.vonage.com/'.padEnd(2048, 'a'),
]
