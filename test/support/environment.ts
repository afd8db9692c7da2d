/** The smallest environment in which the service starts, on free ports of loopback. */
import type { Environment } from '../../src/config.ts'
import { createKeys, createRsaKeys, privatePem } from './keys.ts'

let pem: string | undefined

/** The required settings alone; no port is reached before a request comes. The key is one per test file. */
export function requiredSettings(): Record<string, string> {
  pem ??= privatePem(createRsaKeys())
  return {
    AUTH_ISSUER: 'https://login.example.com/tenant',
    AUTH_AUDIENCE: 'https://bff.example.com',
    VONAGE_APPLICATION_ID: '0e1f2a3b-4c5d-4f6a-9c8d-5a1c0d2e7b34',
    VONAGE_PRIVATE_KEY: pem,
    VONAGE_REDIRECT_URI: 'https://bff.example.com/v1/network-enablement/callback',
  }
}

/** What turns receipts on, with a key of its own each time. */
export function receiptSettings(): Record<string, string> {
  return {
    RECEIPT_PRIVATE_KEY: privatePem(createKeys('EC P-256')),
    RECEIPT_ISSUER: 'https://verify.example.com',
    RECEIPT_AUDIENCE: 'https://backends.example.com',
  }
}

/** The required ones for a service that really listens, and whose upstreams are closed ports unless told otherwise. */
export function listeningSettings(changes: Environment = {}): Record<string, string | undefined> {
  return {
    ...requiredSettings(),
    AUTH_ISSUER: 'http://127.0.0.1:1',
    VONAGE_API_URL: 'http://127.0.0.1:1',
    VONAGE_TOKEN_URL: 'http://127.0.0.1:1/oauth2/token',
    HOST: '127.0.0.1',
    PORT: '0',
    MANAGEMENT_PORT: '0',
    ...changes,
  }
}
