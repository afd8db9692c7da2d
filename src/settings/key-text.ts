/**
 * A private key as operators paste it: a PEM, also with its line breaks written as `\n`, turned into spaces or lost, or all of it in
 * base64. What is none is told by its kind and its remedy, never by a piece of it.
 */
import { createPrivateKey, type KeyObject } from 'node:crypto'

type KeyKind = 'RSA' | 'EC P-256' | 'Ed25519'

/** At least one. */
export type KeyKinds = readonly [KeyKind, ...KeyKind[]]

/** What each kind is called, and how to make one. */
const kinds: Record<KeyKind, { wanted: string; command: string }> = {
  RSA: {
    wanted: 'RSA of 2048 bits or more',
    command: 'openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048',
  },
  'EC P-256': {
    wanted: 'EC P-256',
    command: 'openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256',
  },
  Ed25519: { wanted: 'Ed25519', command: 'openssl genpkey -algorithm Ed25519' },
}
const minRsaModulusBits = 2048

/** In this order, the first that fits: what a text without a private key looks like. */
const lookalikes: readonly [looks: RegExp, fault: string][] = [
  [/^["']/, 'it kept the quotes of an env file: remove them'],
  [/^\{/, 'it is JSON, not a PEM: convert it, or take the PEM file that came with it'],
  [
    /-----BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/,
    'it is encrypted with a passphrase: decrypt it with openssl pkey -in key.pem -out plain.pem',
  ],
  [
    /-----BEGIN OPENSSH/,
    'it is in the format of OpenSSH: convert a copy of it with ssh-keygen -p -m PKCS8 -f copy',
  ],
  [
    /-----BEGIN (RSA )?PUBLIC/,
    'it is a public key, which belongs to the other side: give the private key made with it',
  ],
  [/-----BEGIN CERTIFICATE/, 'it is a certificate: give the private key made with it'],
  [
    /^[\w.~/ -]+\.(pem|key|crt|p8|txt)$|^(~|\.{0,2})\/[\w.~/ -]+$/,
    'it is the path of a file, not what is in it: name the file in the variable that ends in _FILE',
  ],
  [/^MII/, 'it is the inside of a PEM: give the whole file, with its lines BEGIN and END'],
  [
    /-----BEGIN/,
    'it is cut off or damaged: give the whole file, with \\n for each line break where a value must be one line',
  ],
]
const noPem = 'it is not a PEM: give the whole file, from its line BEGIN to its line END'

const beginning = /-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----/

/** Exactly one of the two. */
export type KeyText = { key: KeyObject; fault?: undefined } | { key?: undefined; fault: string }

/** @returns the key, when the text is an unencrypted private key of one of these kinds; else what it is and what to do */
export function readKeyText(text: string, accepted: KeyKinds | 'any'): KeyText {
  const pem = pemOf(text.trim())
  const key = keyOf(pem)
  if (!key) return { fault: lookalikes.find(([looks]) => looks.test(pem))?.[1] ?? noPem }
  const kind = kindOf(key)
  if (accepted === 'any' || accepted.some((one) => one === kind)) return { key }
  const wanted = accepted.map((one) => kinds[one].wanted).join(' or ')
  const [first] = accepted
  return { fault: `it is ${kind}, and ${wanted} is needed: make one with ${kinds[first].command}` }
}

/** The kind, and for what no setting takes what it is instead, such as `RSA of 1024 bits` or `EC secp384r1`. */
export function kindOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): string {
  const bits = Number(asymmetricKeyDetails?.modulusLength)
  const curve = asymmetricKeyDetails?.namedCurve
  if (asymmetricKeyType === 'rsa') return bits < minRsaModulusBits ? `RSA of ${bits} bits` : 'RSA'
  if (asymmetricKeyType === 'ec') return `EC ${curve === 'prime256v1' ? 'P-256' : curve}`
  return asymmetricKeyType === 'ed25519' ? 'Ed25519' : String(asymmetricKeyType).toUpperCase()
}

/** With its line breaks, and without the base64 around all of it. */
export function pemOf(text: string): string {
  const decoded = /^[A-Za-z0-9+/=\s]+$/.test(text) ? Buffer.from(text, 'base64').toString('latin1') : ''
  return (decoded.includes('-----BEGIN') ? decoded : text).replaceAll('\\r', '').replaceAll('\\n', '\n')
}

function keyOf(pem: string): KeyObject | undefined {
  const [line = '', label] = beginning.exec(pem) ?? []
  const start = pem.indexOf(line) + line.length
  const end = pem.indexOf('-----END ', start)
  if (label === undefined || end < 0) return undefined
  const body = pem.slice(start, end)
  try {
    return createPrivateKey(`-----BEGIN ${label}-----\n${body.replace(/\s+/g, '')}\n-----END ${label}-----`)
  } catch {
    return undefined
  }
}
