/**
 * Compact JWTs put together by hand with node:crypto, so that a test can get any part of one wrong.
 * A header or payload given as a string is taken as its exact bytes.
 */
import { constants, createHmac, type KeyObject, sign } from 'node:crypto'

export type Signer = (input: Buffer) => Buffer

/** One maker of signatures for each algorithm. */
export const signers = {
  RS256: (key: KeyObject): Signer => rsa(key, 'sha256'),
  RS512: (key: KeyObject): Signer => rsa(key, 'sha512'),
  PS256:
    (key: KeyObject): Signer =>
    (input) =>
      sign('sha256', input, { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }),
  ES256:
    (key: KeyObject, dsaEncoding: 'ieee-p1363' | 'der' = 'ieee-p1363'): Signer =>
    (input) =>
      sign('sha256', input, { key, dsaEncoding }),
  EdDSA:
    (key: KeyObject): Signer =>
    (input) =>
      sign(null, input, key),
  HS256:
    (secret: string | Buffer): Signer =>
    (input) =>
      createHmac('sha256', secret).update(input).digest(),
  none: (): Buffer => Buffer.alloc(0),
}

function rsa(key: KeyObject, digest: string): Signer {
  return (input) => sign(digest, input, key)
}

export function compactJwt(header: object | string, payload: unknown, signer: Signer): string {
  const input = `${encodePart(header)}.${encodePart(payload)}`
  return `${input}.${signer(Buffer.from(input)).toString('base64url')}`
}

/** Base64url of a text's or a buffer's bytes, or of anything else's JSON. */
export function encodePart(part: unknown): string {
  const bytes = typeof part === 'string' || part instanceof Buffer ? part : JSON.stringify(part)
  return Buffer.from(bytes).toString('base64url')
}
