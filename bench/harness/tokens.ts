/** Access tokens made beforehand, and the keys. RS256 with 2048 bits, which most identity providers sign with. */
import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

export const audience = 'network-enablement-bff'
/** A handful of callers who use their tokens again and again. */
const repeatedCount = 100
/** Walked through in a circle, each of another caller. The service remembers 10,000 at most, so each comes as a new one. */
const freshCount = 12_000
const lifetimeSeconds = 6 * 3600
const kid = 'bench'

const signBytes = promisify(sign)

export interface TokenFile {
  path: string
  count: number
  /** The line that the next run begins with. */
  next: number
}

export interface Keys {
  privateKey: KeyObject
  keySet: { keys: object[] }
}

export function createKeys(): Keys {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    privateKey,
    keySet: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }] },
  }
}

export type Tokens = Awaited<ReturnType<typeof createTokens>>

export async function createTokens(issuer: string, { privateKey }: Keys) {
  const directory = mkdtempSync(join(tmpdir(), 'bench-tokens-'))

  async function token(index: number): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    return signJwt(
      privateKey,
      { alg: 'RS256', typ: 'at+jwt', kid },
      {
        iss: issuer,
        aud: audience,
        sub: `user-${String(index).padStart(8, '0')}`,
        client_id: 'mobile-app',
        scope: 'openid',
        iat: now,
        exp: now + lifetimeSeconds,
        jti: String(index),
      },
    )
  }

  async function file(name: string, count: number): Promise<TokenFile> {
    const lines = await Promise.all(
      Array.from(
        { length: count },
        async (_, index) => `${await token(index)}\t+990${String(10_000_000 + index)}`,
      ),
    )
    const path = join(directory, name)
    writeFileSync(path, lines.join('\n'))
    return { path, count, next: 0 }
  }

  return {
    one: await token(0),
    repeated: await file('repeated', repeatedCount),
    fresh: await file('fresh', freshCount),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  }
}

export async function signJwt(privateKey: KeyObject, header: object, payload: object): Promise<string> {
  const text = [header, payload]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.')
  return `${text}.${(await signBytes('sha256', Buffer.from(text), privateKey)).toString('base64url')}`
}
