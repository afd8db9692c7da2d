/** Receipts that no backend may accept, each made for real and wrong in one way. */
import { CompactEncrypt } from 'jose'
import { compactJwt, encodePart, type Signer, signers } from './compact-jwt.ts'
import { createKeys } from './keys.ts'

type Members = Record<string, unknown>

export interface ReceiptWorld {
  /** What the backend trusts: the key set with this key alone, of EC P-256. */
  keys: ReturnType<typeof createKeys>
  kid: string
  /** The other halves of the good header and claims are fixed. */
  issuer: string
  audience: string
  /** The user of the session, and the number that is claimed there. */
  subject: string
  phoneNumber: string
  nowSeconds: number
}

/** @returns a good receipt but for the changes; a member changed to undefined is left out */
export function receiptOf(
  world: ReceiptWorld,
  header: Members = {},
  claims: Members = {},
  signer: Signer = signers.ES256(world.keys.privateKey),
): string {
  return compactJwt(
    { typ: 'phone-number-receipt+jwt', alg: 'ES256', kid: world.kid, ...header },
    {
      iss: world.issuer,
      aud: world.audience,
      sub: world.subject,
      iat: world.nowSeconds,
      exp: world.nowSeconds + 300,
      jti: 'a-jti',
      phone_number: world.phoneNumber,
      phone_number_verified: true,
      verification_method: 'network',
      ...claims,
    },
    signer,
  )
}

/** @returns each with what is wrong with it */
export async function hostileReceipts(world: ReceiptWorld): Promise<[what: string, receipt: string][]> {
  const { keys, nowSeconds } = world
  const made = (header: Members, claims: Members = {}, signer?: Signer) =>
    receiptOf(world, header, claims, signer)
  const good = made({})
  const [head = '', payload = '', signature = ''] = good.split('.')
  const stranger = createKeys('EC P-256')
  const strangersJwk = stranger.publicKey.export({ format: 'jwk' })
  const byStranger = signers.ES256(stranger.privateKey)
  const publicPem = keys.publicKey.export({ type: 'spki', format: 'pem' })
  const claimed: [claim: string, value: unknown][] = [
    ['iss', 'https://verify.attacker.example'],
    ['iss', undefined],
    ['aud', 'https://other.example.com'],
    ['aud', ['https://other.example.com']],
    ['aud', undefined],
    ['sub', 'mallory'],
    ['sub', ''],
    ['sub', undefined],
    ['exp', nowSeconds - 10],
    ['exp', undefined],
    ['exp', 'never'],
    ['jti', undefined],
    ['phone_number', '+99087654321'],
    ['phone_number', world.phoneNumber.slice(1)],
    ['phone_number', [world.phoneNumber]],
    ['phone_number', undefined],
    ['phone_number_verified', false],
    ['phone_number_verified', 'true'],
    ['phone_number_verified', 1],
    ['phone_number_verified', undefined],
  ]
  const asPayload = Buffer.from(payload, 'base64url').toString()
  const tampered = encodePart(asPayload.replace(world.subject, 'x'.repeat(world.subject.length)))
  return [
    ...claimed.map(([claim, value]): [string, string] => [
      `${claim} ${JSON.stringify(value) ?? 'missing'}`,
      made({}, { [claim]: value }),
    ]),
    ['alg none', made({ alg: 'none' }, {}, signers.none)],
    [
      'alg none, with the good signature',
      `${encodePart({ alg: 'none', typ: 'phone-number-receipt+jwt' })}.${payload}.${signature}`,
    ],
    ['HS256 with the public key', made({ alg: 'HS256' }, {}, signers.HS256(publicPem))],
    ['RS256 said of an ES256 signature', made({ alg: 'RS256' })],
    ['another type: at+jwt', made({ typ: 'at+jwt' })],
    ['another type: JWT', made({ typ: 'JWT' })],
    ['no type', made({ typ: undefined })],
    ['another kid', made({ kid: 'another' })],
    ["a stranger's signature", made({}, {}, byStranger)],
    ["a stranger's key in the header", made({ jwk: strangersJwk, kid: undefined }, {}, byStranger)],
    [
      "a stranger's key set in the header",
      made({ jku: 'https://attacker.example/jwks.json' }, {}, byStranger),
    ],
    ['a critical extension that nobody knows', made({ crit: ['later'], later: 1 })],
    ['a signature in DER', made({}, {}, signers.ES256(keys.privateKey, 'der'))],
    ['claims changed after signing', `${head}.${tampered}.${signature}`],
    [
      'a bit of the signature changed',
      `${head}.${payload}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`,
    ],
    ['no signature', `${head}.${payload}.`],
    ['two parts', `${head}.${payload}`],
    [
      'claims that are no object',
      `${compactJwt({ typ: 'phone-number-receipt+jwt', alg: 'ES256', kid: world.kid }, '"text"', signers.ES256(keys.privateKey))}`,
    ],
    [
      'an encrypted one',
      await new CompactEncrypt(Buffer.from(asPayload))
        .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A128GCM', typ: 'phone-number-receipt+jwt' })
        .encrypt(keys.publicKey),
    ],
    ['nothing', ''],
  ]
}
