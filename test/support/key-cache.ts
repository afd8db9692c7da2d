/** A key cache whose time and whose provider only the test moves. */

import { generateKeyPairSync, KeyObject } from 'node:crypto'
import { type CryptoKey, errors, type JWK } from 'jose'
import type { Test } from 'tap'
import type { ServiceFailure } from '../../src/core/failures.ts'
import { createKeyCache, type KeyCache } from '../../src/idp/key-cache.ts'
import { createFakeClock, type FakeClock } from './clock.ts'
import { rejectsWith } from './failure.ts'
import { createManualFetch, type ManualFetch } from './manual-fetch.ts'

/** What the provider's failed fetches reject with. */
export const outage = new Error('outage')

/** Two keys of the provider, of the kids `a` and `b`. */
export const [keyA, keyB] = [createKey('a'), createKey('b')]

export interface TestKeyCache {
  cache: KeyCache
  clock: FakeClock
  keys: ManualFetch<JWK[]>
  /** The causes of the fetches that failed. */
  failures: unknown[]
  /** Looks up the key of a token's header. */
  find(kid: string): Promise<unknown>
  /** The right key comes, and nothing is waited for: the longest wait of a request is a second. */
  findsAtOnce(key: JWK): Promise<void>
  /** One request, and the fetch under way fails before it is answered: idp_unavailable. */
  failsToFetch(): Promise<ServiceFailure>
}

export function openKeyCache(t: Test): TestKeyCache {
  const clock = createFakeClock()
  const keys = createManualFetch<JWK[]>()
  const failures: unknown[] = []
  const onFailure = (cause: unknown) => void failures.push(cause)
  const cache = createKeyCache({ fetchKeys: keys.fetch, clock, onFailure })
  const find = async (kid: string) => cache.find({ alg: 'ES256', kid }, { payload: '', signature: '' })
  return {
    cache,
    clock,
    keys,
    failures,
    find,
    async findsAtOnce(key) {
      const beganMs = performance.now()
      const found = KeyObject.from((await find(String(key.kid))) as CryptoKey)
      t.ok(performance.now() - beganMs < 500, 'waited')
      t.equal(found.export({ format: 'jwk' }).x, key.x)
    },
    async failsToFetch() {
      const refused = rejectsWith(t, find('a'), 'idp_unavailable')
      await keys.reject(outage)
      return refused
    },
  }
}

/** One that has fetched key `a`, and it alone, at this moment. */
export async function openWarmKeyCache(t: Test): Promise<TestKeyCache> {
  const opened = openKeyCache(t)
  opened.cache.warm()
  await opened.keys.resolve([keyA])
  await opened.findsAtOnce(keyA)
  return opened
}

/** The provider was asked after the token came, and has no such key: the token is bad. */
export function isUnknown(t: Test, finding: Promise<unknown>): Promise<unknown> {
  return t.rejects(finding, errors.JWKSNoMatchingKey)
}

/** The provider may not be asked yet, for so many seconds: nobody knows whether the token is bad. */
export async function mustWait(t: Test, finding: Promise<unknown>, seconds: number): Promise<void> {
  t.equal((await rejectsWith(t, finding, 'idp_unavailable')).retryAfterSeconds, seconds)
}

/** The longest wait of a request, in real time. */
export async function takesOneSecond(t: Test, promise: Promise<unknown>): Promise<void> {
  const beganMs = performance.now()
  await promise
  const tookMs = performance.now() - beganMs
  t.ok(tookMs > 900 && tookMs < 2000, `took ${tookMs} ms`)
}

function createKey(kid: string): JWK {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' } as JWK
}
