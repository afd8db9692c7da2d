/** `GET /.well-known/jwks.json`: the public keys with which anybody checks a receipt. */
import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox'
import { type Static, Type } from '@sinclair/typebox'

/** Whoever keeps the set that long still knows a key that was published before it signs. */
const maxAgeSeconds = 300

/** Base64url; longer than the modulus of an RSA key of 16,384 bits. */
const member = (description: string) =>
  Type.Optional(Type.String({ maxLength: 4096, pattern: '^[A-Za-z0-9_-]+$', description }))
const name = (description: string) => Type.String({ maxLength: 64, pattern: '^[A-Za-z0-9_-]+$', description })

/** @see RFC 7517 sections 4 and 5, RFC 7518 section 6 */
const PublicKey = Type.Object(
  {
    kty: name('Type of the key: `EC`, `OKP` or `RSA`.'),
    use: Type.Literal('sig'),
    alg: name('The only algorithm to accept with it: `ES256`, `EdDSA` or `RS256`.'),
    kid: name('Its name in the header of a receipt: the thumbprint of RFC 7638.'),
    crv: member('The curve, of `EC` and `OKP`.'),
    x: member('Of `EC` and `OKP`.'),
    y: member('Of `EC`.'),
    n: member('The modulus, of `RSA`.'),
    e: member('The exponent, of `RSA`.'),
  },
  { additionalProperties: false },
)

const KeySet = Type.Object(
  {
    keys: Type.Array(PublicKey, {
      maxItems: 16,
      description: 'The one that signs, the next one, and former ones whose receipts may still be checked.',
    }),
  },
  { additionalProperties: false, description: 'The public keys.' },
)

export type KeySet = Static<typeof KeySet>

export function keySetRoutes(keySet: () => KeySet): FastifyPluginAsyncTypebox {
  return async (app) => {
    app.get(
      '/.well-known/jwks.json',
      {
        schema: {
          operationId: 'getKeySet',
          summary: 'The keys that check receipts',
          description: 'For the backends of the company. Only where receipts are on.',
          tags: ['receipts'],
          security: [],
          response: { 200: KeySet },
          problems: ['not_found', 'rate_limited'],
        },
      },
      async (_request, reply) => {
        reply.header('cache-control', `public, max-age=${maxAgeSeconds}`)
        return keySet()
      },
    )
  }
}
