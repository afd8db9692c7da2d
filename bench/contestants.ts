/** Who is measured: how each is started, and with which tokens. */
import assert from 'node:assert/strict'
import type { KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { duties } from './contestants/settings.ts'
import { type ServerOptions, type ServerProcess, startServer } from './harness/server-process.ts'
import { expectedReply, type Stub, scope } from './harness/stub.ts'
import { audience, signJwt, type TokenFile, type Tokens } from './harness/tokens.ts'

export const route = '/v1/network-enablement'
const applicationId = 'b2e1f6a0-6d0c-4a51-8f3e-5f0c7a527d3c'

export interface Surroundings {
  stub: Stub
  tokens: Tokens
  /** Of the Vonage application. */
  privateKey: KeyObject
}

export interface Contestant {
  id: string
  title: string
  tokens: 'repeated' | 'fresh'
  server: (surroundings: Surroundings) => ServerOptions | Promise<ServerOptions>
  /** Must refuse a token that is not good. */
  authenticates: boolean
}

/** The flags of the Dockerfile; its memory limit is that of a container. */
export const productionFlags = [
  '--max-old-space-size-percentage=60',
  '--permission',
  '--allow-fs-read=*',
  '--disable-proto=delete',
  '--enable-source-maps',
]
const here = join(import.meta.dirname, '..')

/** Everything on: token checks, limits, state, one log line per request into a pipe. The limits are as wide as the settings allow. */
function oursSettings({ stub, privateKey }: Surroundings): Record<string, string> {
  return {
    HOST: '127.0.0.1',
    PORT: '0',
    MANAGEMENT_PORT: '0',
    AUTH_ISSUER: stub.url,
    AUTH_AUDIENCE: audience,
    VONAGE_APPLICATION_ID: applicationId,
    VONAGE_PRIVATE_KEY: pem(privateKey),
    VONAGE_REDIRECT_URI: `http://127.0.0.1${route}/callback`,
    VONAGE_API_URL: stub.url,
    VONAGE_TOKEN_URL: `${stub.url}/oauth2/token`,
    VONAGE_REQUESTS_PER_SECOND: '1000',
    STATE_MAX_ENTRIES: '10000000',
    STATE_MAX_PER_CALLER: '100',
    RATE_LIMIT_ADDRESS_PER_MINUTE: '1000000',
    RATE_LIMIT_CALLER_PER_MINUTE: '1000000',
    RATE_LIMIT_NUMBER_PER_HOUR: '1000000',
    RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY: '1000',
  }
}

export interface OursOptions {
  flags?: string[]
  /** Without: exactly what the image runs, with Vonage's quota. */
  unlimited?: boolean
  settings?: Record<string, string>
  ipc?: boolean
  /** A checkout of this repository, built. */
  root?: string
}

export function ours(surroundings: Surroundings, options: OursOptions = {}): ServerOptions {
  const { flags = productionFlags, unlimited = true, settings = {}, ipc = false, root = here } = options
  const imports = unlimited ? ['--import', join(root, 'bench/ours/preload.ts')] : []
  return {
    args: [...flags, ...imports, join(root, 'dist/main.js')],
    env: { ...oursSettings(surroundings), ...settings },
    ipc,
  }
}

async function other(
  file: string,
  { stub, privateKey }: Surroundings,
  env: Record<string, string> = {},
): Promise<ServerOptions> {
  return {
    args: [join(import.meta.dirname, 'contestants', file)],
    env: {
      UPSTREAM_URL: stub.url,
      ISSUER: stub.url,
      AUDIENCE: audience,
      SCOPE: scope,
      APPLICATION_ID: applicationId,
      PRIVATE_KEY: pem(privateKey),
      STATIC_JWT: await signJwt(
        privateKey,
        { alg: 'RS256', typ: 'JWT' },
        { application_id: applicationId, jti: 'static' },
      ),
      ...env,
    },
  }
}

export const theLimit: Contestant = {
  id: 'limit',
  title: 'the limit: Fastify + undici, nothing else',
  tokens: 'repeated',
  authenticates: false,
  server: (all) => other('limit.ts', all),
}

/** The limit with these duties besides, in one plain file. */
function withDuties(title: string, done: readonly string[]): Contestant {
  return {
    id: `duties: ${done.join(' ')}`,
    title,
    tokens: 'repeated',
    authenticates: false,
    server: (all) => other('duties.ts', all, { DUTIES: done.join(',') }),
  }
}

export const allDuties = { ...withDuties('the limit with all duties of this service', duties), id: 'duties' }
const repeatedOurs: Contestant = {
  id: 'ours',
  title: 'this service',
  tokens: 'repeated',
  authenticates: true,
  server: (all) => ours(all),
}

/** For what each duty costs. */
export const dutyContestants: readonly Contestant[] = [
  theLimit,
  withDuties('none', []),
  ...duties.map((duty) => withDuties(duty, [duty])),
  allDuties,
  repeatedOurs,
]

const plugins = 'Fastify + @fastify/jwt + get-jwks + reply-from'
const sdk = 'Express 5 + express-oauth2-jwt-bearer + @vonage/auth'

export const contestants: readonly Contestant[] = [
  theLimit,
  allDuties,
  repeatedOurs,
  {
    id: 'ours-fresh',
    title: 'this service',
    tokens: 'fresh',
    authenticates: true,
    server: (all) => ours(all),
  },
  {
    id: 'plugins-cached',
    title: `${plugins}, its token cache on`,
    tokens: 'repeated',
    authenticates: true,
    server: (all) => other('fastify-plugins.ts', all, { TOKEN_CACHE: '1' }),
  },
  {
    id: 'plugins',
    title: plugins,
    tokens: 'repeated',
    authenticates: true,
    server: (all) => other('fastify-plugins.ts', all),
  },
  {
    id: 'plugins-fresh',
    title: plugins,
    tokens: 'fresh',
    authenticates: true,
    server: (all) => other('fastify-plugins.ts', all),
  },
  {
    id: 'sample',
    title: 'Express 4 + fetch, no access tokens',
    tokens: 'repeated',
    authenticates: false,
    server: (all) => other('express-sample.ts', all),
  },
  {
    id: 'sdk',
    title: sdk,
    tokens: 'repeated',
    authenticates: true,
    server: (all) => other('express-sdk.ts', all),
  },
  {
    id: 'sdk-fresh',
    title: sdk,
    tokens: 'fresh',
    authenticates: true,
    server: (all) => other('express-sdk.ts', all),
  },
]

/** Started, and seen to do the job: the right answer, and a refusal where it says that it checks tokens. */
export async function startContestant(
  contestant: Contestant,
  surroundings: Surroundings,
): Promise<ServerProcess> {
  const server = await startServer(await contestant.server(surroundings))
  const ask = (token: string) =>
    fetch(server.url + route, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: '{"phone_number":"+99012345678"}',
    })
  const good = await ask(surroundings.tokens.one)
  assert.equal(good.status, 200, contestant.id)
  assert.deepEqual(await good.json(), expectedReply, contestant.id)
  const forged = await ask(surroundings.tokens.one.replace(/.{8}$/, 'AAAAAAAA'))
  await forged.text()
  assert.equal(forged.status, contestant.authenticates ? 401 : 200, contestant.id)
  return server
}

export function tokensOf({ tokens }: Surroundings, contestant: Contestant): TokenFile {
  return tokens[contestant.tokens]
}

function pem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString()
}
