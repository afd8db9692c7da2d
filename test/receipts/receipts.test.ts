/** Receipts: exactly what is in one, which keys check it and for how long, and what happens when signing fails. */
import assert from 'node:assert/strict'
import { createPublicKey, type KeyPairKeyObjectResult } from 'node:crypto'
import { test } from 'node:test'
import { calculateJwkThumbprint, createLocalJWKSet, jwtVerify } from 'jose'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import type { Verified } from '../../src/core/ports.ts'
import { createReceipts, type ReceiptsOptions } from '../../src/receipts/receipts.ts'
import { createFakeClock } from '../support/clock.ts'
import { createKeys, createRsaKeys } from '../support/keys.ts'
import { callerOf, recordEvents } from '../support/unobserved.ts'

const phoneNumber = parsePhoneNumber('+99012345678') ?? assert.fail('no number')
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
  const sign = async (about: Verified = verified) => (await receipts.sign(about)) ?? assert.fail('no receipt')
  /** By the key set as it is now. */
  const check = (receipt: string) =>
    jwtVerify(receipt, createLocalJWKSet(receipts.keySet()), { currentDate: new Date(clock.wallMs()) })
  const kids = () => receipts.keySet().keys.map(({ kid }) => kid)
  return { receipts, clock, seen, failures, sign, check, kids }
}

const kidOf = ({ publicKey }: KeyPairKeyObjectResult) => calculateJwkThumbprint(publicKey)

for (const [kind, algorithm, keys] of kinds)
  test(`a receipt of a key of ${kind} has exactly the header and the claims of the contract`, async () => {
    const { clock, sign, check, kids } = await setUp(keys)
    const { protectedHeader, payload } = await check(await sign())
    const kid = await kidOf(keys)
    assert.deepEqual(protectedHeader, { typ: 'phone-number-receipt+jwt', alg: algorithm, kid })
    assert.deepEqual(kids(), [kid])
    const { jti, ...claims } = payload
    assert.match(jti ?? '', /^[\da-f-]{36}$/)
    const iat = clock.wallMs() / 1000
    assert.deepEqual(claims, {
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
  test(`the key set holds nothing but the public half of a key of ${kind}`, async () => {
    const { receipts } = await setUp(keys)
    const [jwk] = receipts.keySet().keys
    const own = keys.publicKey.export({ format: 'jwk' })
    assert.deepEqual(jwk, { ...own, use: 'sig', alg: algorithm, kid: await kidOf(keys) })
    const secret = keys.privateKey.export({ format: 'jwk' }) as Record<string, string>
    const isPublic = (name: string) => name in own
    for (const [name, value] of Object.entries(secret).filter(([name]) => !isPublic(name)))
      assert.ok(!JSON.stringify(receipts.keySet()).includes(value), name)
    assert.ok(createPublicKey({ key: own, format: 'jwk' }).equals(keys.publicKey))
  })

const [[, , ec], [, , ed]] = kinds as [(typeof kinds)[0], (typeof kinds)[0]]

test('several audiences are an array, the subject is the plain one, and the client is named when the token named it', async () => {
  const { sign, check } = await setUp(ec, { audience: ['a', 'b'] })
  const caller = { ...callerOf('issuer and alice'), sub: 'alice', clientId: 'an-app' }
  const { payload } = await check(await sign({ caller, phoneNumber, method: 'sms' }))
  const { aud, sub, client_id, verification_method } = payload
  assert.deepEqual([aud, sub, client_id, verification_method], [['a', 'b'], 'alice', 'an-app', 'sms'])
})

test('no two receipts are the same, and each is counted', async () => {
  const { sign, check, seen } = await setUp(ec)
  const payloads = await Promise.all([1, 2, 3].map(async () => (await check(await sign())).payload.jti))
  assert.equal(new Set(payloads).size, 3)
  assert.deepEqual(seen, Array(3).fill({ name: 'receipt.signed', outcome: 'issued' }))
})

test('the next key is published behind the one that signs, once even when they are the same', async () => {
  const { sign, check, kids } = await setUp(ec, { next: ed.privateKey })
  assert.deepEqual(kids(), [await kidOf(ec), await kidOf(ed)])
  assert.equal((await check(await sign())).protectedHeader.kid, await kidOf(ec))
  assert.deepEqual((await setUp(ec, { next: ec.privateKey })).kids(), [await kidOf(ec)])
})

test('a change to the next key signs at once, and the former one is published until its receipts have ended everywhere', async () => {
  const { receipts, clock, sign, check, kids } = await setUp(ec, { next: ed.privateKey })
  const before = await sign()
  assert.equal(await receipts.offer('signing', ed.privateKey), true)
  assert.equal((await check(await sign())).protectedHeader.kid, await kidOf(ed))
  assert.deepEqual(kids(), [await kidOf(ed), await kidOf(ec)])
  clock.advance(lifetimeSeconds * 1000 - 1)
  await check(before)
  clock.advance(10 * 60_000)
  assert.deepEqual(kids(), [await kidOf(ed), await kidOf(ec)])
  clock.advance(1)
  assert.deepEqual(kids(), [await kidOf(ed)])
})

test('a key that was never published says so when it comes into use', async () => {
  const { receipts, sign, check } = await setUp(ec)
  const before = await sign()
  assert.equal(await receipts.offer('signing', ed.privateKey), false)
  await check(before)
  await check(await sign())
})

test('the files of both keys may be read in either order: what was published stays so', async () => {
  const another = createKeys('EC P-256')
  const { receipts, kids } = await setUp(ec, { next: ed.privateKey })
  assert.equal(await receipts.offer('next', another.privateKey), false)
  assert.equal(await receipts.offer('signing', ed.privateKey), true)
  assert.deepEqual(kids(), [await kidOf(ed), await kidOf(another), await kidOf(ec)])
})

test('a first next key can come later', async () => {
  const { receipts, kids } = await setUp(ec)
  await receipts.offer('next', ed.privateKey)
  assert.deepEqual(kids(), [await kidOf(ec), await kidOf(ed)])
})

test('signing that fails is told and counted, and makes no receipt', async () => {
  const { receipts, seen, failures } = await setUp(ec)
  // jose takes text alone as an issuer of the subject's name.
  const caller = { ...verified.caller, sub: 1n as unknown as string }
  assert.equal(await receipts.sign({ ...verified, caller }), undefined)
  assert.deepEqual(seen, [{ name: 'receipt.signed', outcome: 'failed' }])
  assert.equal(failures.length, 1)
})
