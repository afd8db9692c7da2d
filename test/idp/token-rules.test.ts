/** Which claims make a good access token, and which caller they name. */
import { test } from 'tap'
import type { FailureCode } from '../../src/core/failures.ts'
import { callerOf, type TokenRules } from '../../src/idp/token-rules.ts'
import { rejectsWith } from '../support/failure.ts'

const rules: TokenRules = {
  issuers: ['https://login.example.com'],
  clientIds: [],
  requiredClaims: [],
  requiredScope: undefined,
  phoneNumberClaim: undefined,
  digest: (subject) => `digest of ${subject}`,
}
const judge = async (claims: Record<string, unknown>, changes: Partial<TokenRules> = {}) =>
  callerOf({ iss: 'https://login.example.com', sub: 'alice', ...claims }, { ...rules, ...changes })

test('a caller is its sub with one issuer, and issuer and sub with several', async (t) => {
  t.strictSame(await judge({}), { subject: 'alice', sub: 'alice', pseudonym: 'digest of alice' })
  const subject = '["https://login.example.com","alice"]'
  t.strictSame(await judge({}, { issuers: ['https://login.example.com', 'https://b.example'] }), {
    subject,
    sub: 'alice',
    pseudonym: `digest of ${subject}`,
  })
})

test('the client is named whatever the token calls it, if it names one', async (t) => {
  for (const [claims, clientId] of [
    [{ client_id: 'a' }, 'a'],
    [{ azp: 'b' }, 'b'],
    [{ cid: 'c' }, 'c'],
    [{ appid: 'd' }, 'd'],
    [{ azp: ['b'] }, undefined],
    [{ client: 'e' }, undefined],
  ] as const)
    t.equal((await judge(claims)).clientId, clientId)
})

const clients: Array<[claims: Record<string, unknown>, good: boolean]> = [
  [{ client_id: 'app' }, true],
  [{ azp: 'app' }, true],
  [{ cid: 'web' }, true],
  [{ appid: 'app', azp: 'app', client_id: 'app' }, true],
  [{}, false],
  [{ client_id: 'machine' }, false],
  [{ client_id: 'app', azp: 'machine' }, false],
  [{ client_id: 'app', azp: 'web' }, false],
  [{ client_id: 'app', azp: null }, false],
  [{ client_id: ['app'] }, false],
  [{ client_id: 'APP' }, false],
]
for (const [claims, good] of clients)
  test(`a token of ${JSON.stringify(claims)} is ${good ? 'of' : 'not of'} the clients app and web`, async (t) => {
    const judged = judge(claims, { clientIds: ['app', 'web'] })
    if (good) t.equal((await judged).sub, 'alice')
    else await rejectsWith(t, judged, 'invalid_token')
  })

const required: Array<[required: string, claims: Record<string, unknown>, good: boolean]> = [
  ['token_use=access', { token_use: 'access' }, true],
  ['token_use=access', { token_use: 'id' }, false],
  ['token_use=access', { token_use: 'access ' }, false],
  ['token_use=access', {}, false],
  ['verified=true', { verified: true }, true],
  ['verified=true', { verified: false }, false],
  ['level=2', { level: 2 }, true],
  ['roles=user', { roles: ['admin', 'user'] }, true],
  ['roles=user', { roles: ['admin'] }, false],
  ['roles=user', { roles: [['user']] }, false],
  ['roles=user', { roles: { user: true } }, false],
  ['a=b=c', { a: 'b=c' }, true],
  ['firebase.sign_in_provider=phone', { firebase: { sign_in_provider: 'phone' } }, true],
  ['firebase.sign_in_provider=phone', { firebase: { sign_in_provider: 'anonymous' } }, false],
  ['firebase.sign_in_provider=phone', { firebase: 'phone' }, false],
  ['https://example.com/use=app', { 'https://example.com/use': 'app' }, true],
  ['toString=x', {}, false],
  ['a.length=1', { a: 'b' }, false],
  ['a=null', { a: null }, false],
]
for (const [claim, claims, good] of required)
  test(`${JSON.stringify(claims)} ${good ? 'has' : 'lacks'} the required claim ${claim}`, async (t) => {
    const judged = judge(claims, { requiredClaims: [claim] })
    if (good) return t.equal((await judged).sub, 'alice')
    const { note = '' } = await rejectsWith(t, judged, 'invalid_token')
    t.ok(note.endsWith(claim.replace(/=.*/, '')))
  })

test('every required claim counts', async (t) => {
  const requiredClaims = ['a=1', 'b=2']
  t.equal((await judge({ a: 1, b: '2' }, { requiredClaims })).sub, 'alice')
  await rejectsWith(t, judge({ a: 1 }, { requiredClaims }), 'invalid_token')
})

const scopes: Array<[claims: Record<string, unknown>, code: FailureCode | undefined]> = [
  [{ scope: 'openid verify' }, undefined],
  [{ scope: ['openid', 'verify'] }, undefined],
  [{ scp: ['verify'] }, undefined],
  [{ scp: 'verify' }, undefined],
  [{ scope: 'openid', scp: ['verify'] }, undefined],
  [{ scope: 'verify:all' }, 'insufficient_scope'],
  [{ roles: ['verify'] }, 'insufficient_scope'],
  [{}, 'insufficient_scope'],
]
for (const [claims, code] of scopes)
  test(`${JSON.stringify(claims)} ${code ? 'lacks' : 'has'} the scope`, async (t) => {
    const judged = judge(claims, { requiredScope: 'verify' })
    if (code) await rejectsWith(t, judged, code)
    else t.equal((await judged).sub, 'alice')
  })

test('a number counts with or without its plus', async (t) => {
  for (const phone of ['+990123456', '990123456'])
    t.equal((await judge({ phone }, { phoneNumberClaim: 'phone' })).phoneNumber, '+990123456')
  for (const phone of [990123456, null, undefined, ['990123456']])
    t.equal((await judge({ phone }, { phoneNumberClaim: 'phone' })).phoneNumber, undefined)
})

test('a token without a name, and one that is bound to a key, are refused', async (t) => {
  for (const claims of [{ sub: undefined }, { sub: '' }, { sub: 1 }, { cnf: { jkt: 'x' } }, { cnf: null }])
    await rejectsWith(t, judge(claims), 'invalid_token')
})
