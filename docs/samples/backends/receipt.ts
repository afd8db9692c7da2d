// Checks receipts in a Node backend. Needs jose 6: npm install jose. The steps are those of docs/backends.md.
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'

export interface ReceiptCheckOptions {
  /** RECEIPT_ISSUER of the service, such as https://verify.example.com. */
  issuer: string
  /** This backend, as one of RECEIPT_AUDIENCE. */
  audience: string
  /** Default: below the issuer. */
  keySetUrl?: string
  /** For tests. Default: the system's. */
  clock?: () => Date
}

export interface Expected {
  /** `sub` of the access token that came with the same request, after it was checked. */
  subject: string
  /** The number that is about to be trusted: E.164 with the plus sign. */
  phoneNumber: string
}

export interface Receipt extends JWTPayload {
  jti: string
  exp: number
  verification_method: 'network' | 'sms'
}

/** One for the life of the process: it keeps the key set, for at most 300 s, and fetches it again for an unknown `kid`. */
export function createReceiptCheck({
  issuer,
  audience,
  keySetUrl = `${issuer}/.well-known/jwks.json`,
  clock = () => new Date(),
}: ReceiptCheckOptions) {
  const keySet = createRemoteJWKSet(new URL(keySetUrl), { cacheMaxAge: 300_000 })

  /** @throws when the receipt is not a good one for this user and this number; the message is for your log, not for the app */
  return async function checkReceipt(receipt: string, { subject, phoneNumber }: Expected): Promise<Receipt> {
    // An empty text would switch off the comparison.
    if (!subject || !phoneNumber) throw new Error('nobody or nothing to compare with')
    // Steps 1 to 6.
    const { payload } = await jwtVerify(receipt, keySet, {
      typ: 'phone-number-receipt+jwt',
      algorithms: ['ES256', 'EdDSA', 'RS256'],
      issuer,
      audience,
      subject,
      requiredClaims: ['exp', 'jti'],
      clockTolerance: 5,
      currentDate: clock(),
    })
    // Step 7.
    if (payload.phone_number_verified !== true) throw new Error('the number is not verified')
    if (payload.phone_number !== phoneNumber) throw new Error('the receipt is for another number')
    // Step 8, where it matters: remember payload.jti until payload.exp, and refuse it the second time.
    return payload as Receipt
  }
}
