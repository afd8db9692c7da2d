/** The other half of `provider-forms.ts`. */
import type { ProviderForm } from './provider-forms.ts'

const api = 'https://network-enablement-bff.example'
const otherApi = { claims: { aud: 'https://other-api.example' } }

export const moreProviderForms = {
  'hydra-opaque': {
    issuerPath: '/',
    opaque: true,
    access: { aud: [api], client_id: 'app', scope: 'openid verify', token_use: 'access_token' },
    others: {
      id: { typ: 'JWT', claims: { aud: ['app'], nonce: 'n', scope: undefined } },
      refresh: { opaque: true, claims: { token_use: 'refresh_token' } },
      machine: { opaque: true, claims: { sub: 'm2m', client_id: 'm2m' } },
      'other client': { opaque: true, claims: { client_id: 'other' } },
      'other audience': { opaque: true, ...otherApi },
    },
    settings: {
      AUTH_AUDIENCE: api,
      AUTH_CLIENT_IDS: 'app',
      AUTH_REQUIRED_CLAIMS: 'token_use=access_token',
    },
  },
  'zitadel-opaque': {
    opaque: true,
    access: { aud: ['project', 'app'], client_id: 'app', scope: 'openid verify', username: 'u' },
    others: {
      id: { typ: 'JWT', claims: { azp: 'app', nonce: 'n', scope: undefined } },
      machine: { opaque: true, claims: { aud: ['project'], client_id: 'm2m' } },
      'other client': { opaque: true, claims: { client_id: 'other' } },
      'other audience': { opaque: true, claims: { aud: ['other-project', 'app'] } },
    },
    settings: { AUTH_AUDIENCE: 'project', AUTH_CLIENT_IDS: 'app', AUTH_REQUIRED_SCOPE: 'verify' },
  },
  duende: {
    typ: 'at+jwt',
    access: { aud: api, client_id: 'app', scope: ['openid', 'verify'] },
    others: {
      id: { typ: 'JWT', claims: { aud: 'app', nonce: 'n', scope: undefined } },
      refresh: { opaque: true },
      machine: { claims: { sub: undefined, client_id: 'm2m' } },
      'other client': { claims: { client_id: 'other' } },
      'other audience': otherApi,
    },
    settings: { AUTH_AUDIENCE: api, AUTH_REQUIRED_SCOPE: 'verify', AUTH_CLIENT_IDS: 'app' },
  },
  supabase: {
    issuerPath: '/auth/v1',
    typ: 'JWT',
    access: { aud: 'authenticated', role: 'authenticated', phone: '99012345678', is_anonymous: false },
    others: {
      refresh: { opaque: true },
      machine: { claims: { aud: undefined, sub: undefined, role: 'service_role' } },
      anonymous: { claims: { phone: '', is_anonymous: true } },
    },
    settings: {
      AUTH_AUDIENCE: 'authenticated',
      AUTH_TOKEN_TYPES: 'JWT',
      AUTH_REQUIRED_CLAIMS: 'role=authenticated,is_anonymous=false',
      AUTH_PHONE_NUMBER_CLAIM: 'phone',
    },
  },
  clerk: {
    typ: 'JWT',
    access: { azp: 'https://app.example', sid: 's', use: 'access' },
    others: {
      id: { claims: { aud: 'app', azp: undefined, use: undefined, nonce: 'n' } },
      refresh: { opaque: true },
      machine: { claims: { azp: undefined, use: undefined, sub: 'mch_1' } },
      'other client': { claims: { azp: 'https://other.example' } },
    },
    settings: {
      AUTH_TOKEN_TYPES: 'JWT',
      AUTH_CLIENT_IDS: 'https://app.example',
      AUTH_REQUIRED_CLAIMS: 'use=access',
    },
  },
  fusionauth: {
    issuer: 'acme.com',
    typ: 'JWT',
    access: { aud: 'app', applicationId: 'app', tty: 'at' },
    others: {
      id: { claims: { tty: 'id', nonce: 'n' } },
      refresh: { opaque: true },
      machine: { claims: { aud: 'm2m', sub: 'm2m' } },
      'other client': { claims: { aud: 'other', applicationId: 'other' } },
      'other audience': { claims: { aud: 'other' } },
    },
    settings: { AUTH_AUDIENCE: 'app', AUTH_TOKEN_TYPES: 'JWT', AUTH_REQUIRED_CLAIMS: 'tty=at' },
  },
} as const satisfies Record<string, ProviderForm>
