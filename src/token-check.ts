/**
 * What `--check-config --token-file` says of one real access token: check by check, with the setting that would change it, and in the end
 * what the service itself says. Shows neither the token nor a personal claim. Part of `preflight.ts`.
 */
import { readFileSync } from 'node:fs'
import { openAccessTokens } from './access-tokens.ts'
import type { Config } from './config.ts'
import type { ServiceFailure } from './core/failures.ts'
import type { Clock } from './core/ports.ts'
import { normalType } from './idp/access-token.ts'
import { callerOf, type TokenRules } from './idp/token-rules.ts'
import type { Log } from './observability/logger.ts'

type Claims = Record<string, unknown>

interface Row {
  what: string
  /** What the token has, where that is neither secret nor personal. */
  has: string
  good: boolean
  /** What would change it. */
  remedy: string
}

const noRules: TokenRules = {
  issuers: [],
  clientIds: [],
  requiredClaims: [],
  requiredScope: undefined,
  phoneNumberClaim: undefined,
  digest: () => '',
}

/**
 * Asks for the keys, or about an opaque token, over the network.
 * @param file its path, or `-` for standard input
 * @returns whether the service would accept it
 */
export async function checkToken(
  config: Config,
  file: string,
  clock: Clock,
  print: (line: string) => void,
): Promise<boolean> {
  const token = readToken(file)
  if (token === undefined) {
    print('token: cannot be read: name a file that holds one access token, or - for standard input')
    return false
  }
  const parts = decode(token)
  for (const { what, has, good, remedy } of parts ? rowsOf(config, parts, clock.wallMs()) : [])
    print(`token: ${what}: ${has}${good ? ', ok' : `, refused: ${remedy}`}`)
  for (const sign of parts ? signsOf(parts.claims) : []) print(`token: warning: ${sign}`)
  const reason = await refusalOf(config, token, clock)
  print(`token: ${reason === undefined ? 'accepted' : `refused, ${reason}`}`)
  print(
    "token: not known from one token: whether it can be withdrawn; whether an ID token, a refresh token, a machine's, another client's or another API's token of this provider passes too: try one of each",
  )
  return reason === undefined
}

function readToken(file: string): string | undefined {
  try {
    return (
      readFileSync(file === '-' ? 0 : file, 'utf8')
        .trim()
        .replace(/^bearer +/i, '') || undefined
    )
  } catch {
    return undefined
  }
}

/** @returns undefined when it is not a JWT */
function decode(token: string): { header: Claims; claims: Claims } | undefined {
  try {
    const [header, claims] = token
      .split('.', 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()))
    return typeof header === 'object' && typeof claims === 'object' && header && claims
      ? { header, claims }
      : undefined
  } catch {
    return undefined
  }
}

function rowsOf(
  config: Config,
  { header, claims }: { header: Claims; claims: Claims },
  nowMs: number,
): Row[] {
  const { typ, alg } = header
  const { iss, aud, exp, nbf } = claims
  const types = config.AUTH_TOKEN_TYPES.map((type) =>
    type.toLowerCase() === 'none' ? 'none' : normalType(type),
  )
  const nowSeconds = nowMs / 1000
  const tolerance = config.AUTH_CLOCK_TOLERANCE_SECONDS
  const audiences = [aud].flat()
  const rule = (rules: Partial<TokenRules>) => passes(claims, { ...noRules, ...rules })
  return [
    {
      what: 'typ',
      has: shown(typ),
      good: types.includes(normalType(typ)),
      remedy: `AUTH_TOKEN_TYPES would have to list ${shown(typ)}`,
    },
    {
      what: 'alg',
      has: shown(alg),
      good: config.AUTH_ALGORITHMS.some((algorithm) => algorithm === alg),
      remedy: 'AUTH_ALGORITHMS would have to list it; only asymmetric ones can be',
    },
    {
      what: 'iss',
      has: shown(iss),
      good: config.AUTH_ISSUER.some((issuer) => issuer === iss),
      remedy: 'AUTH_ISSUER would have to be exactly this',
    },
    {
      what: 'aud',
      has: shown(aud),
      good: config.AUTH_AUDIENCE.length === 0 || config.AUTH_AUDIENCE.some((one) => audiences.includes(one)),
      remedy: 'AUTH_AUDIENCE would have to name one of these, if they mean this API',
    },
    {
      what: 'exp',
      has: typeof exp === 'number' ? `${Math.round(exp - nowSeconds)} s from now` : 'none',
      good: typeof exp === 'number' && exp > nowSeconds - tolerance,
      remedy: 'get a new token; every token must have an exp',
    },
    {
      what: 'nbf',
      has: typeof nbf === 'number' ? `${Math.round(nbf - nowSeconds)} s from now` : 'none',
      good: nbf === undefined || (typeof nbf === 'number' && nbf <= nowSeconds + tolerance),
      remedy: 'one of the clocks is wrong; AUTH_CLOCK_TOLERANCE_SECONDS allows up to 60',
    },
    {
      what: 'sub',
      has: typeof claims.sub === 'string' ? 'there' : 'none',
      good: typeof claims.sub === 'string' && claims.sub !== '',
      remedy: 'the provider must name the user',
    },
    {
      what: 'cnf',
      has: claims.cnf === undefined ? 'none' : 'there',
      good: claims.cnf === undefined,
      remedy:
        'tokens bound to a key (DPoP, mTLS) are not supported; have the provider issue plain bearer tokens',
    },
    {
      what: 'client (client_id, azp, cid, appid)',
      has: shown([claims.client_id, claims.azp, claims.cid, claims.appid].find((id) => id !== undefined)),
      good: rule({ clientIds: config.AUTH_CLIENT_IDS }),
      remedy: 'AUTH_CLIENT_IDS would have to list it, and all of these that the token has must agree',
    },
    ...config.AUTH_REQUIRED_CLAIMS.map((claim) => ({
      what: `claim ${claim}`,
      has: 'looked at',
      good: rule({ requiredClaims: [claim] }),
      remedy: 'AUTH_REQUIRED_CLAIMS asks for it',
    })),
    {
      what: 'scope or scp',
      has: shown(claims.scope ?? claims.scp),
      good: rule({ requiredScope: config.AUTH_REQUIRED_SCOPE }),
      remedy: 'AUTH_REQUIRED_SCOPE asks for another: the app must request it, or the provider grant it',
    },
    ...[config.AUTH_PHONE_NUMBER_CLAIM ?? []].flat().map((name) => ({
      what: `phone number in ${name}`,
      has: typeof claims[name] === 'string' ? 'there' : 'none',
      good: typeof claims[name] === 'string',
      remedy: 'with AUTH_PHONE_NUMBER_CLAIM a token without it can start nothing',
    })),
  ]
}

/** By the service's own code. The other rules are open, and what they need is there. */
function passes(claims: Claims, rules: TokenRules): boolean {
  try {
    callerOf({ ...claims, sub: 'x', cnf: undefined }, rules)
    return true
  } catch {
    return false
  }
}

/** What an access token of a user seldom has. */
function* signsOf(claims: Claims): Generator<string> {
  const { aud, azp, sub, typ, token_use: use } = claims
  const audiences = [aud].flat()
  if (['nonce', 'at_hash', 'c_hash'].some((name) => name in claims) || typ === 'ID' || use === 'id')
    yield 'it looks like an ID token, which is for the app and not for an API'
  if (azp !== undefined && audiences.length > 1 && audiences.includes(azp))
    yield 'one of its audiences is its client (azp), as in ID tokens: AUTH_AUDIENCE should not name that one'
  else if (azp !== undefined && audiences.includes(azp))
    yield 'its audience is its client (azp), as in ID tokens: set AUTH_REQUIRED_SCOPE or AUTH_REQUIRED_CLAIMS to tell them apart'
  if (typ === 'Refresh' || typ === 'Offline' || use === 'refresh') yield 'it looks like a refresh token'
  const isMachine = [azp, claims.client_id, claims.cid].some(
    (client) => client !== undefined && client === sub,
  )
  if (
    isMachine ||
    (typeof sub === 'string' && sub.endsWith('@clients')) ||
    claims.gty === 'client-credentials'
  )
    yield "it looks like a machine's token, not a user's"
}

/** @returns undefined when the service accepts it */
async function refusalOf(config: Config, token: string, clock: Clock): Promise<string | undefined> {
  const silent = { warn: () => undefined } as unknown as Log['logger']
  const accessTokens = await openAccessTokens(config, { clock, digest: () => '', log: silent })
  const failure = await Promise.resolve(accessTokens.verify(token)).then(
    () => undefined,
    (refusal: ServiceFailure) => refusal,
  )
  return failure?.note === undefined ? failure?.code : `${failure.code}: ${failure.note}`
}

/** Of a claim that is not personal. In one line, and not longer than that. */
function shown(value: unknown): string {
  return value === undefined ? 'none' : JSON.stringify(value).slice(0, 200)
}
