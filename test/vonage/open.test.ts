/** Which product starts, which checks a code, and what is open: against one HTTP server in Vonage's place. */
import { type Test, test } from 'tap'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { createMemoryStarts } from '../../src/store/memory-starts.ts'
import { openVonage, type VonageSettings } from '../../src/vonage/open.ts'
import { createLocalPermits } from '../../src/vonage/quota.ts'
import { createFakeClock } from '../support/clock.ts'
import { rejectsWith } from '../support/failure.ts'
import { createTestKeyRing } from '../support/key-ring.ts'
import { createRsaKeys } from '../support/keys.ts'
import { fail } from '../support/must.ts'
import { recordSpans } from '../support/spans.ts'
import { correlation, unobserved } from '../support/unobserved.ts'
import { startVonageServer } from '../support/vonage-server.ts'

const keys = createRsaKeys()
const phoneNumber = parsePhoneNumber('+99012345678') ?? fail()
const scope = 'a-scope'
const request = { subject: 'alice', phoneNumber, scope, state: 'a-state', mayMessage: () => true }

async function setUp(
  t: Test,
  settings: Partial<VonageSettings> = {},
  { redirectUri = true, traced = false } = {},
) {
  const { url, calls } = await startVonageServer(t, (_, { path }) => {
    if (path === '/v0.1/network-enablement')
      return { status: 200, body: { scopes: { [scope]: { auth_url: `${url}/auth` } } } }
    if (path === '/v2/verify')
      return { status: 202, body: { request_id: 'an-id', check_url: `${url}/check` } }
    if (path === '/oauth2/token') return { status: 200, body: { access_token: 'a-token' } }
    if (path === '/v2/verify/an-id') return { status: 200, body: { status: 'completed' } }
    return { status: 200, body: { devicePhoneNumberVerified: true } }
  })
  const clock = createFakeClock()
  const { inSpan, spans } = recordSpans()
  const vonage = openVonage(
    {
      VONAGE_PRODUCT: 'network_enablement',
      VONAGE_API_URL: url,
      VONAGE_TOKEN_URL: `${url}/oauth2/token`,
      VONAGE_VERIFY_URL: url,
      ...(redirectUri && { VONAGE_REDIRECT_URI: 'https://bff.example/callback' }),
      VONAGE_BRAND: 'Acme',
      SMS_FALLBACK: false,
      SMS_CODE_LENGTH: 6,
      SMS_LOCALE: 'en-us',
      VONAGE_REQUESTS_PER_SECOND: 10,
      VONAGE_AUTH_URL_HOSTS: [],
      ALLOW_INSECURE_UPSTREAM: false,
      START_TIMEOUT_MS: 5000,
      FINISH_TIMEOUT_MS: 5000,
      ...settings,
    },
    {
      applicationJwt: createTestKeyRing({ primary: keys.privateKey, clock }),
      permits: createLocalPermits({ perSecond: 10, clock }),
      underWay: createMemoryStarts({ clock }),
      clock,
      events: unobserved.events,
      inSpan: traced ? inSpan : undefined,
    },
  )
  t.teardown(() => vonage.close())
  const { operator } = vonage
  const start = () => operator.requestAuthUrl(request, async () => {}, correlation, new AbortController())
  const check = (requestId?: string) => {
    const pending = { phoneNumber, scope, ...(requestId !== undefined && { requestId }) }
    return operator.checkCode({ subject: 'alice', code: 'a-code', pending }, correlation)
  }
  const paths = () => calls.map(({ path }) => path)
  return { vonage, start, check, paths, url, spans }
}

const networkEnablementCalls = ['network_enablement', 'token', 'verify']

test('Network Enablement starts by default, and nothing else is open', async (t) => {
  const { vonage, start, paths, url } = await setUp(t)
  t.equal((await start()).authUrl, `${url}/auth`)
  t.strictSame(paths(), ['/v0.1/network-enablement'])
  t.strictSame(
    [...vonage.circuits()],
    networkEnablementCalls.map((call) => [call, 'closed']),
  )
  t.equal(vonage.waiting(), 0)
})

test('Verify starts where it is the product, and needs no redirect URI', async (t) => {
  const { vonage, start, paths, url } = await setUp(t, { VONAGE_PRODUCT: 'verify' }, { redirectUri: false })
  t.equal((await start()).authUrl, `${url}/check`)
  t.strictSame(paths(), ['/v2/verify'])
  t.strictSame(
    [...vonage.circuits()].map(([call]) => call),
    ['verify_v2', 'verify_v2_next', 'verify_v2_check'],
  )
})

for (const product of ['network_enablement', 'verify'] as const)
  test(`with ${product}, a code is checked by the product that began its verification`, async (t) => {
    const { check, paths } = await setUp(t, { VONAGE_PRODUCT: product })
    t.equal(await check('an-id'), true)
    t.equal(await check(), true)
    t.strictSame(paths(), ['/v2/verify/an-id', '/oauth2/token', '/camara/number-verification/v031/verify'])
  })

test('a code of Network Enablement is not spent where the redirect URI is unknown: another replica may check it', async (t) => {
  const { check, paths } = await setUp(t, { VONAGE_PRODUCT: 'verify' }, { redirectUri: false })
  await rejectsWith(t, check(), 'upstream_busy')
  t.strictSame(paths(), [])
  t.equal(await check('an-id'), true)
})

test('messages go by Verify whatever the product, and open it when the first is sent', async (t) => {
  const { vonage, paths } = await setUp(t, { SMS_FALLBACK: true })
  t.equal([...vonage.circuits()].length, 3)
  const german = parsePhoneNumber('+4915100000000') ?? fail()
  const { requestId } = await vonage.sender.sendCode(
    { subject: 'alice', phoneNumber: german },
    () => undefined,
    correlation,
  )
  t.strictSame([requestId, paths()], ['an-id', ['/v2/verify']])
  t.equal([...vonage.circuits()].length, 6)
})

test('where tracing is on, each call is a span', async (t) => {
  const { start, check, spans } = await setUp(t, { VONAGE_PRODUCT: 'verify' }, { traced: true })
  await start()
  await check('an-id')
  t.strictSame(
    spans.map(({ name }) => name),
    ['vonage verify_v2', 'vonage verify_v2_check'],
  )
})
