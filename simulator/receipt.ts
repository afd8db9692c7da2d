/**
 * A receipt as the phone page shows it: what it says, and what a backend finds by the service's key set.
 * Called by `phone-page.ts`, for people who look; an app only hands its receipt on.
 */

import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose'
import { redactPayload } from './redact.ts'

const keySetPath = '/.well-known/jwks.json'

export interface ReceiptReading {
  header: unknown
  /** Without anything that should not be shown. */
  claims: unknown
  /** `good`, or why not: type, algorithm, signature or time. Who it is for is a backend's own check. */
  check: string
}

/** @param serviceUrl an origin */
export async function readReceipt(receipt: string, serviceUrl: string): Promise<ReceiptReading> {
  const response = await fetch(new URL(keySetPath, serviceUrl))
  const keySet = createLocalJWKSet((await response.json()) as JSONWebKeySet)
  const check = await jwtVerify(receipt, keySet, {
    typ: 'phone-number-receipt+jwt',
    algorithms: ['ES256', 'EdDSA', 'RS256'],
  }).then(
    () => 'good',
    (error: unknown) => (error instanceof errors.JOSEError ? error.code : 'unreadable'),
  )
  return { header: decodeProtectedHeader(receipt), claims: redactPayload(decodeJwt(receipt)), check }
}
