/** Receipts: exactly what is in one, which keys check it and for how long, and what happens when signing fails. */

import { createPublicKey, type KeyPairKeyObjectResult } from 'node:crypto'
import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from 'jose'
import { test } from 'tap'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import type { Verified } from '../../src/core/ports.ts'
import { createReceipts, type ReceiptsOptions } from '../../src/receipts/receipts.ts'
import { createFakeClock } from '../support/clock.ts'
import { createKeys, createRsaKeys } from '../support/keys.ts'
import { fail } from '../support/must.ts'
import { callerOf, recordEvents } from '../support/unobserved.ts'

const phoneNumber = parsePhoneNumber('+99012345678') ?? fail('no number')
const verified: Verified = { caller: callerOf('alice'), phoneNumber, method: 'network' }
const kinds: [kind: string, algorithm: string, keys: KeyPairKeyObjectResult][] = [
  ['EC P-256', 'ES256', createKeys('EC P-256')],
  ['Ed25519', 'EdDSA', createKeys('Ed25519')],
  ['RSA', 'RS256', createRsaKeys()],
]
const lifetimeSeconds = 300

async function setUp(signing: KeyPairKeyObjectResult, options: Partial<ReceiptsOptions> = {}) {
  const clock = createFakeClock()
  const { events, seen } = recordEvents()
  const failures: unknown[] = []
  const receipts = await createReceipts({
    issuer: 'https://verify.example.com',
    audience: ['https://backends.example.com'],
    lifetimeSeconds,
    signing: signing.privateKey,
    next: undefined,
    clock,
    events,
    onFailure: (error) => void failures.push(error),
    ...options,
  })
  const sign = async (about: Verified = verified) => (await receipts.sign(about)) ?? fail('no receipt')
  /** By the key set as it is now. */
  const check = (receipt: string) =>
    jwtVerify(receipt, createLocalJWKSet(receipts.keySet()), { currentDate: new Date(clock.wallMs()) })
  const kids = () => receipts.keySet().keys.map(({ kid }) => kid)
  return { receipts, clock, seen, failures, sign, check, kids }
}

const kidOf = ({ publicKey }: KeyPairKeyObjectResult) => calculateJwkThumbprint(publicKey)

for (const [kind, algorithm, keys] of kinds)
  test(`a receipt of a key of ${kind} has exactly the header and the claims of the contract`, async (t) => {
    const { clock, sign, check, kids } = await setUp(keys)
    const { protectedHeader, payload } = await check(await sign())
    const kid = await kidOf(keys)
    t.strictSame(protectedHeader, { typ: 'phone-number-receipt+jwt', alg: algorithm, kid })
    t.strictSame(kids(), [kid])
    const { jti, ...claims } = payload
    t.match(jti ?? '', /^[\da-f-]{36}$/)
    const iat = clock.wallMs() / 1000
    t.strictSame(claims, {
      iss: 'https://verify.example.com',
      aud: 'https://backends.example.com',
      sub: 'alice',
      iat,
      exp: iat + lifetimeSeconds,
      phone_number: '+99012345678',
      phone_number_verified: true,
      verification_method: 'network',
    })
  })

for (const [kind, algorithm, keys] of kinds)
  test(`the key set holds nothing but the public half of a key of ${kind}`, async (t) => {
    const { receipts } = await setUp(keys)
    const [jwk] = receipts.keySet().keys
    const own = keys.publicKey.export({ format: 'jwk' })
    t.strictSame(jwk, { ...own, use: 'sig', alg: algorithm, kid: await kidOf(keys) })
    const secret = keys.privateKey.export({ format: 'jwk' }) as Record<string, string>
    const isPublic = (name: string) => name in own
    for (const [name, value] of Object.entries(secret).filter(([name]) => !isPublic(name)))
      t.ok(!JSON.stringify(receipts.keySet()).includes(value), name)
    t.ok(createPublicKey({ key: own, format: 'jwk' }).equals(keys.publicKey))
  })

const [[, , ec], [, , ed]] = kinds as [(typeof kinds)[0], (typeof kinds)[0]]

test('several audiences are an array, the subject is the plain one, and the client is named when the token named it', async (t) => {
  const { sign, check } = await setUp(ec, { audience: ['a', 'b'] })
  const caller = { ...callerOf('issuer and alice'), sub: 'alice', clientId: 'an-app' }
  const { payload } = await check(await sign({ caller, phoneNumber, method: 'sms' }))
  const { aud, sub, client_id, verification_method } = payload
  t.strictSame([aud, sub, client_id, verification_method], [['a', 'b'], 'alice', 'an-app', 'sms'])
})

test('no two receipts are the same, and each is counted', async (t) => {
  const { sign, check, seen } = await setUp(ec)
  const payloads = await Promise.all([1, 2, 3].map(async () => (await check(await sign())).payload.jti))
  t.equal(new Set(payloads).size, 3)
  t.strictSame(seen, Array(3).fill({ name: 'receipt.signed', outcome: 'issued' }))
})

test('the next key is published behind the one that signs, once even when they are the same', async (t) => {
  const { sign, check, kids } = await setUp(ec, { next: ed.privateKey })
  t.strictSame(kids(), [await kidOf(ec), await kidOf(ed)])
  t.equal((await check(await sign())).protectedHeader.kid, await kidOf(ec))
  t.strictSame((await setUp(ec, { next: ec.privateKey })).kids(), [await kidOf(ec)])
})

test('a change to the next key signs at once, and the former one is published until its receipts have ended everywhere', async (t) => {
  const { receipts, clock, sign, check, kids } = await setUp(ec, { next: ed.privateKey })
  const before = await sign()
  t.equal(await receipts.offer('signing', ed.privateKey), true)
  t.equal((await check(await sign())).protectedHeader.kid, await kidOf(ed))
  t.strictSame(kids(), [await kidOf(ed), await kidOf(ec)])
  clock.advance(lifetimeSeconds * 1000 - 1)
  await check(before)
  clock.advance(10 * 60_000)
  t.strictSame(kids(), [await kidOf(ed), await kidOf(ec)])
  clock.advance(1)
  t.strictSame(kids(), [await kidOf(ed)])
})

test('a key that was never published says so when it comes into use', async (t) => {
  const { receipts, sign, check } = await setUp(ec)
  const before = await sign()
  t.equal(await receipts.offer('signing', ed.privateKey), false)
  await check(before)
  await check(await sign())
})

test('the files of both keys may be read in either order: what was published stays so', async (t) => {
  const another = createKeys('EC P-256')
  const { receipts, kids } = await setUp(ec, { next: ed.privateKey })
  t.equal(await receipts.offer('next', another.privateKey), false)
  t.equal(await receipts.offer('signing', ed.privateKey), true)
  t.strictSame(kids(), [await kidOf(ed), await kidOf(another), await kidOf(ec)])
})

test('a first next key can come later', async (t) => {
  const { receipts, kids } = await setUp(ec)
  await receipts.offer('next', ed.privateKey)
  t.strictSame(kids(), [await kidOf(ec), await kidOf(ed)])
})

test('signing that fails is told and counted, and makes no receipt', async (t) => {
  const { receipts, seen, failures } = await setUp(ec)
  // jose takes text alone as an issuer of the subject's name.
  const caller = { ...verified.caller, sub: 1n as unknown as string }
  t.equal(await receipts.sign({ ...verified, caller }), undefined)
  t.strictSame(seen, [{ name: 'receipt.signed', outcome: 'failed' }])
  t.equal(failures.length, 1)
})
