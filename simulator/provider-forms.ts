/**
 * The forms of real identity providers' tokens, as the providers document them: what an access token looks like, what else they issue
 * that must not pass for one, and the settings that tell them apart (docs/identity-providers.md).
 */

export type Claims = Record<string, unknown>

export type TokenKind =
  | 'access'
  | 'id'
  | 'refresh'
  | 'machine'
  | 'other client'
  | 'other audience'
  | 'anonymous'

/** Changes to the access token; undefined takes a member out. `text`: not a JWT at all. */
export interface Variant {
  typ?: string | undefined
  claims?: Claims
  opaque?: true
}

export interface ProviderForm {
  /** Below the origin that it listens on. Absent: the origin itself. */
  issuerPath?: string
  /** Instead of a URL. */
  issuer?: string
  /** Absent: the header has none. */
  typ?: string
  access: Claims
  /** The access token is not a JWT, and `access` is what the provider says of it. */
  opaque?: true
  others: Partial<Record<Exclude<TokenKind, 'access'>, Variant>>
  /** No discovery document: the key set has to be named. */
  withoutDiscovery?: true
  /** Beside AUTH_ISSUER and what follows from it. */
  settings: Record<string, string>
}

const api = 'https://network-enablement-bff.example'
const otherApi = { claims: { aud: 'https://other-api.example' } }
const opaque: Variant = { opaque: true }
/** Scope of the API in the forms that have scopes. */
const scope = 'openid verify'
const scoped = { AUTH_AUDIENCE: api, AUTH_REQUIRED_SCOPE: 'verify', AUTH_CLIENT_IDS: 'app' }
const idToken = { typ: 'JWT', claims: { aud: 'app', nonce: 'n', scope: undefined, scp: undefined } }

export const providerForms = {
  auth0: {
    issuerPath: '/',
    typ: 'at+jwt',
    access: { aud: api, client_id: 'app', scope },
    others: {
      id: idToken,
      refresh: opaque,
      machine: { claims: { sub: 'm2m@clients', client_id: 'm2m', gty: 'client-credentials' } },
      'other client': { claims: { client_id: 'other' } },
      'other audience': otherApi,
    },
    settings: scoped,
  },
  'auth0-default': {
    issuerPath: '/',
    typ: 'JWT',
    access: { aud: [api, 'https://tenant.example/userinfo'], azp: 'app', scope },
    others: {
      id: idToken,
      refresh: opaque,
      machine: { claims: { sub: 'm2m@clients', azp: 'm2m', gty: 'client-credentials' } },
      'other client': { claims: { azp: 'other' } },
      'other audience': otherApi,
    },
    settings: { ...scoped, AUTH_TOKEN_TYPES: 'JWT' },
  },
  okta: {
    issuerPath: '/oauth2/default',
    access: { ver: 1, aud: api, cid: 'app', uid: 'u', scp: ['openid', 'verify'] },
    others: {
      id: { claims: { ...idToken.claims, cid: undefined } },
      refresh: opaque,
      machine: { claims: { sub: 'm2m', cid: 'm2m', uid: undefined, scp: ['verify'] } },
      'other client': { claims: { cid: 'other' } },
      'other audience': otherApi,
    },
    settings: { ...scoped, AUTH_TOKEN_TYPES: 'none' },
  },
  entra: {
    issuerPath: '/tenant/v2.0',
    typ: 'JWT',
    access: { ver: '2.0', aud: 'api', azp: 'app', scp: 'verify' },
    others: {
      id: { claims: { azp: undefined, scp: undefined, nonce: 'n' } },
      refresh: opaque,
      machine: { claims: { azp: 'm2m', scp: undefined, roles: ['verify'] } },
      'other client': { claims: { azp: 'other' } },
      'other audience': otherApi,
    },
    settings: { ...scoped, AUTH_AUDIENCE: 'api', AUTH_TOKEN_TYPES: 'JWT' },
  },
  'entra-v1': {
    issuerPath: '/tenant/',
    typ: 'JWT',
    access: { ver: '1.0', aud: 'api://api', appid: 'app', scp: 'verify' },
    others: {
      id: { claims: { aud: 'api', appid: undefined, scp: undefined, nonce: 'n' } },
      refresh: opaque,
      machine: { claims: { appid: 'm2m', scp: undefined, roles: ['verify'] } },
      'other client': { claims: { appid: 'other' } },
      'other audience': otherApi,
    },
    settings: { ...scoped, AUTH_AUDIENCE: 'api://api', AUTH_TOKEN_TYPES: 'JWT' },
  },
  'azure-ad-b2c': {
    issuerPath: '/tenant/v2.0/',
    typ: 'JWT',
    withoutDiscovery: true,
    access: { ver: '1.0', aud: 'api', azp: 'app', scp: 'verify', tfp: 'B2C_1_signin' },
    others: {
      id: { claims: { aud: 'app', azp: undefined, scp: undefined, nonce: 'n' } },
      refresh: opaque,
      'other client': { claims: { azp: 'other' } },
      'other audience': otherApi,
    },
    settings: { ...scoped, AUTH_AUDIENCE: 'api', AUTH_TOKEN_TYPES: 'JWT' },
  },
  cognito: {
    issuerPath: '/eu-west-1_pool',
    access: { client_id: 'app', token_use: 'access', scope: 'aws.cognito.signin.user.admin', username: 'u' },
    others: {
      id: { claims: { aud: 'app', client_id: undefined, token_use: 'id', scope: undefined } },
      refresh: opaque,
      machine: { claims: { sub: 'm2m', client_id: 'm2m', username: undefined } },
      'other client': { claims: { client_id: 'other' } },
    },
    settings: {
      AUTH_TOKEN_TYPES: 'none',
      AUTH_CLIENT_IDS: 'app',
      AUTH_REQUIRED_CLAIMS: 'token_use=access',
    },
  },
  keycloak: {
    issuerPath: '/realms/acme',
    typ: 'JWT',
    access: { typ: 'Bearer', aud: ['bff', 'account'], azp: 'app', scope: 'openid' },
    others: {
      id: { claims: { typ: 'ID', aud: 'app', nonce: 'n' } },
      refresh: { claims: { typ: 'Refresh', aud: 'https://idp.example/realms/acme' } },
      machine: { claims: { azp: 'm2m', client_id: 'm2m' } },
      'other client': { claims: { azp: 'other' } },
      'other audience': { claims: { aud: 'account' } },
    },
    settings: {
      AUTH_AUDIENCE: 'bff',
      AUTH_TOKEN_TYPES: 'JWT',
      AUTH_CLIENT_IDS: 'app',
      AUTH_REQUIRED_CLAIMS: 'typ=Bearer',
    },
  },
  firebase: {
    issuerPath: '/project',
    typ: 'JWT',
    access: { aud: 'project', phone_number: '+99012345678', firebase: { sign_in_provider: 'phone' } },
    others: {
      refresh: opaque,
      'other audience': { claims: { aud: 'other-project' } },
      anonymous: { claims: { phone_number: undefined, firebase: { sign_in_provider: 'anonymous' } } },
    },
    settings: {
      AUTH_AUDIENCE: 'project',
      AUTH_TOKEN_TYPES: 'JWT',
      AUTH_REQUIRED_CLAIMS: 'firebase.sign_in_provider=phone',
    },
  },
  pingone: {
    issuerPath: '/environment/as',
    access: { aud: [api], client_id: 'app', scope },
    others: {
      id: { claims: { ...idToken.claims, client_id: undefined } },
      refresh: opaque,
      machine: { claims: { sub: undefined, client_id: 'm2m' } },
      'other client': { claims: { client_id: 'other' } },
      'other audience': otherApi,
    },
    settings: { ...scoped, AUTH_TOKEN_TYPES: 'none,at+jwt' },
  },
  forgerock: {
    issuerPath: '/am/oauth2/acme',
    typ: 'JWT',
    access: { aud: 'app', tokenName: 'access_token', scope: ['openid', 'verify'] },
    others: {
      id: { claims: { tokenName: 'id_token', scope: undefined, nonce: 'n' } },
      refresh: { claims: { tokenName: 'refresh_token' } },
      machine: { claims: { aud: 'm2m', sub: 'm2m' } },
      'other client': { claims: { aud: 'other' } },
    },
    settings: {
      AUTH_AUDIENCE: 'app',
      AUTH_TOKEN_TYPES: 'JWT',
      AUTH_REQUIRED_CLAIMS: 'tokenName=access_token',
    },
  },
  zitadel: {
    typ: 'JWT',
    access: { aud: ['project', 'app'], client_id: 'app', use: 'access' },
    others: {
      id: { claims: { azp: 'app', nonce: 'n', at_hash: 'h', use: undefined } },
      refresh: opaque,
      machine: { claims: { aud: ['project'], client_id: 'm2m' } },
      'other client': { claims: { client_id: 'other' } },
      'other audience': { claims: { aud: ['other-project', 'app'] } },
    },
    settings: {
      AUTH_AUDIENCE: 'project',
      AUTH_TOKEN_TYPES: 'JWT',
      AUTH_CLIENT_IDS: 'app',
      AUTH_REQUIRED_CLAIMS: 'use=access',
    },
  },
  hydra: {
    issuerPath: '/',
    typ: 'JWT',
    access: { aud: [api], client_id: 'app', scp: ['openid', 'verify'], ext: {} },
    others: {
      id: { claims: { ...idToken.claims, client_id: undefined } },
      refresh: opaque,
      machine: { claims: { sub: 'm2m', client_id: 'm2m' } },
      'other client': { claims: { client_id: 'other' } },
      'other audience': otherApi,
    },
    settings: { ...scoped, AUTH_TOKEN_TYPES: 'JWT' },
  },
} as const satisfies Record<string, ProviderForm>
