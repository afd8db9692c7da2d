/**
 * An identity provider without a server: its keys, its key set, and a good access token from which a test changes one thing.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import type { JSONWebKeySet } from 'jose'
import { compactJwt, type Signer, signers } from './compact-jwt.ts'
import { createRsaKeys } from './keys.ts'

export const issuer = 'https://login.example.com/tenant'
export const audience = 'https://bff.example.com'
export const requiredScope = 'number:verify'
export const phoneNumberClaim = 'phone_number'

/** Second that the tokens are issued in: the start of the fake clock. */
export const issuedAt = Date.UTC(2026, 0, 1) / 1000

type Changes = Record<string, unknown>

export interface TokenProvider {
  /** Public keys: `rsa` (RS256), `spare` (RS256), `pss` (PS256), `ec` (ES256), `ed` (EdDSA), `open` (RSA without `alg`). */
  keySet: JSONWebKeySet
  rsa: { privateKey: KeyObject; publicKey: KeyObject }
  ec: { privateKey: KeyObject; publicKey: KeyObject }
  ed: { privateKey: KeyObject; publicKey: KeyObject }
  /** A good token but for the changes; a member changed to undefined is left out. Signed by `rsa` unless told otherwise. */
  token(changes?: { header?: Changes; claims?: Changes; signer?: Signer }): string
}

export function createTokenProvider(): TokenProvider {
  const rsa = createRsaKeys()
  const spare = createRsaKeys()
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ed = generateKeyPairSync('ed25519')
  const published = (key: KeyObject, members: Changes) => ({ ...key.export({ format: 'jwk' }), ...members })

  return {
    keySet: {
      keys: [
        published(rsa.publicKey, { kid: 'rsa', alg: 'RS256', use: 'sig' }),
        published(spare.publicKey, { kid: 'spare', alg: 'RS256' }),
        published(rsa.publicKey, { kid: 'pss', alg: 'PS256' }),
        published(ec.publicKey, { kid: 'ec', alg: 'ES256' }),
        published(ed.publicKey, { kid: 'ed', alg: 'EdDSA' }),
        published(rsa.publicKey, { kid: 'open' }),
      ] as JSONWebKeySet['keys'],
    },
    rsa,
    ec,
    ed,
    token({ header = {}, claims = {}, signer = signers.RS256(rsa.privateKey) } = {}) {
      return compactJwt(
        { alg: 'RS256', kid: 'rsa', typ: 'at+jwt', ...header },
        {
          iss: issuer,
          aud: audience,
          sub: 'canary-subject',
          client_id: 'canary-client',
          jti: 'canary-jti',
          iat: issuedAt,
          exp: issuedAt + 300,
          scope: `openid ${requiredScope}`,
          [phoneNumberClaim]: '+990123456',
          ...claims,
        },
        signer,
      )
    },
  }
}
