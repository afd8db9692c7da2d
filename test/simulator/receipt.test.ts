/** A receipt as the phone page shows it: decoded, and checked by the service's key set. */
import { test } from 'tap'
import { readReceipt } from '../../simulator/receipt.ts'
import { openDocumentServer } from '../support/document-server.ts'
import { type ReceiptWorld, receiptOf } from '../support/hostile-receipts.ts'
import { createKeys } from '../support/keys.ts'

const keys = createKeys('EC P-256')
const jwk = { ...keys.publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid: 'a-kid' }
const world: ReceiptWorld = {
  keys,
  kid: 'a-kid',
  issuer: 'https://verify.example.com',
  audience: 'https://backends.example.com',
  subject: 'alice',
  phoneNumber: '+99012345678',
  nowSeconds: Math.floor(Date.now() / 1000),
}

test('a receipt is good, or told why not, and its number is not shown', async (t) => {
  const { origin } = await openDocumentServer(t, { '/.well-known/jwks.json': { keys: [jwk] } })
  const checkOf = async (receipt: string) => (await readReceipt(receipt, origin)).check
  const { header, claims, check } = await readReceipt(receiptOf(world), origin)
  t.equal(check, 'good')
  t.strictSame(header, { typ: 'phone-number-receipt+jwt', alg: 'ES256', kid: 'a-kid' })
  t.hasStrict(claims, { sub: 'alice', phone_number: '+*********78' })
  t.equal(await checkOf(receiptOf(world, { typ: 'JWT' })), 'ERR_JWT_CLAIM_VALIDATION_FAILED')
  t.equal(await checkOf(receiptOf(world, {}, { exp: world.nowSeconds - 1 })), 'ERR_JWT_EXPIRED')
  t.equal(await checkOf(receiptOf(world, { kid: 'another' })), 'ERR_JWKS_NO_MATCHING_KEY')
  const altered = receiptOf({ ...world, keys: createKeys('EC P-256') })
  t.equal(await checkOf(altered), 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED')
})
