/**
 * Nothing personal and no secret is anywhere that somebody else can read. Every success, every problem code and every fault of Vonage,
 * with recognisable secrets in all that is sent; then standard output and error, metrics, traces, problems, and Redis are searched.
 */
import { type Test, test } from 'tap'
import { mintState } from '../../src/core/state.ts'
import { signatureOf } from '../support/canaries.ts'
import { finishRows } from '../support/fault-rows-finish.ts'
import { type FaultRow, startRows } from '../support/fault-rows-start.ts'
import { verifyV2Rows } from '../support/fault-rows-verify-v2.ts'
import { stateIn, status } from '../support/fault-server.ts'
import { findFreePort } from '../support/free-port.ts'
import {
  dawdle,
  type Lane,
  openPrivacyWorld,
  type PrivacyWorld,
  redisPassword,
} from '../support/privacy-world.ts'
import { codes as allCodes } from '../support/problem.ts'
import { redisMissing } from '../support/redis-server.ts'

const rows: FaultRow[] = [...startRows, ...finishRows, ...verifyV2Rows]
/** Many rows wait for a deadline. */
const atOnce = 8

// Not a run of one digit, as means of metrics have it.
const [number, code, state] = ['99072613948', 'canary-code-of-alice', mintState()]
const secret = 'canary-of-the-phone'

/** What a phone does wrong, with secrets in it. */
async function runMistakes({ canaries, idp, open }: PrivacyWorld, lane: Lane): Promise<void> {
  const token = idp.tokenOf('canary-subject-alice')
  canaries.add('number', number)
  canaries.add('code', code)
  canaries.add('state', state)
  canaries.add('subject', 'canary-subject-alice')
  canaries.add('access token', signatureOf(token))
  canaries.add("the phone's words", secret)
  const start = (body: unknown) => lane.start(token, body)
  await start({ phone_number: number })
  await start({ phone_number: `+${number}`, scope: secret })
  await start({ phone_number: `+${number}`, [secret]: number })
  await start(`{"phone_number":"+${number}`)
  await start({ phone_number: `+${number}`, scope: secret.repeat(400) })
  await lane.finish(token, { code, state })
  await lane.finish(token, { code, state: number })
  await lane.land({ error: 'access_denied', error_description: secret, state })
  await lane.land({ error: secret, state, code })
  await lane.land({ code, state: secret })
  await lane.land({ code: `${code}\n`, state })
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const good = { method: 'POST', target: '/v1/network-enablement', body: `{"phone_number":"+${number}"}` }
  await lane.send({ ...good, headers: { ...headers, authorization: undefined } })
  await lane.send({ ...good, headers: { ...headers, authorization: `Bearer ${secret}.${secret}.${secret}` } })
  await lane.send({ ...good, headers: { ...headers, 'content-type': `text/${secret}` } })
  await lane.send({ ...good, headers: { ...headers, 'x-request-id': `${secret} ${number}` } })
  await lane.send({ ...good, headers: { ...headers, cookie: secret.repeat(600) } })
  await lane.send({ ...good, method: 'DELETE', target: `${good.target}?${secret}=${number}`, headers })
  await lane.send({ target: `/${secret}/${number}?code=${code}`, headers })
  await lane.send({ target: `/%zz/${secret}`, headers })
  await lane.send({ ...good, headers: { ...headers, host: [secret, secret] } })

  const one = { RATE_LIMIT_CALLER_PER_MINUTE: '1', RATE_LIMIT_NUMBER_PER_HOUR: '1' }
  const full = { REDIS_URL: '', STATE_MAX_ENTRIES: '1', STATE_MAX_PER_CALLER: '100' }
  for (const settings of [
    one,
    full,
    { ALLOWED_CALLING_CODES: '1' },
    { AUTH_REQUIRED_SCOPE: 'verify' },
    { AUTH_PHONE_NUMBER_CLAIM: 'phone_number' },
    { AUTH_JWKS_URI: 'http://127.0.0.1:1/keys' },
    { REDIS_URL: `redis://:${redisPassword}@127.0.0.1:${await findFreePort()}` },
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' },
  ]) {
    const other = await open(settings)
    for (let times = 0; times < 2; times++) await other.start(token, { phone_number: `+${number}` })
    await other.close()
  }
}

/** Codes by text message, with both products: sent, moved on to, typed wrong and right, and what goes wrong on the way. */
async function runMessages(t: Test, { canaries, idp, open }: PrivacyWorld): Promise<void> {
  for (const [n, product] of (['network_enablement', 'verify'] as const).entries()) {
    const lane = await open({ SMS_FALLBACK: 'true', RATE_LIMIT_SMS_PER_NUMBER_PER_HOUR: '2' }, product)
    const [number, subject] = [`4472613948${n}`, `canary-subject-texted-${n}`]
    const [token, stranger] = [idp.tokenOf(subject), idp.tokenOf(`${subject}-stranger`)]
    const [right, wrong] = [`canary-typed-right-${n}`, `canary-typed-wrong-${n}`]
    for (const [what, secret] of Object.entries({
      number,
      subject,
      'typed code': right,
      'wrong code': wrong,
    }))
      canaries.add(what, secret)
    for (const each of [token, stranger]) canaries.add('access token', signatureOf(each))
    const body = { phone_number: `+${number}` }

    if (product === 'verify') await lane.start(token, body)
    lane.vonage.behave({ verify_v2: status(500), verify_v2_next: status(500) })
    await lane.sendSms(token, body)
    lane.vonage.behave({ verify_v2_check: status(400) })
    const { state } = JSON.parse((await lane.sendSms(token, body)).body)
    canaries.add('state of a message', state)
    await lane.sendSms(token, body)
    await lane.sendSms(stranger, body)
    await lane.sendSms(token, { ...body, [secret]: number })
    await lane.finish(stranger, { code: right, state })
    const { code } = JSON.parse((await lane.finish(token, { code: wrong, state })).body)
    t.equal(code, 'wrong_code')
    lane.vonage.behave({})
    const finished = await lane.finish(token, { code: right, state })
    t.equal(JSON.parse(finished.body).phone_number_verified, true)
    canaries.add('receipt', signatureOf(JSON.parse(finished.body).receipt ?? ''))
    await lane.finish(token, { code: right, state })
    await lane.close()
  }
}

/** The ends of a service: of its patience, of its life, and of its wits. */
async function runEnds(world: PrivacyWorld, lane: Lane): Promise<void> {
  const { canaries, codes, idp, process } = world
  const token = idp.tokenOf('canary-subject-alice')
  canaries.add('access token', signatureOf(token))
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const body = `{"phone_number":"+${number}","scope":"${secret}"}`
  const late = await dawdle(lane.service.url, {
    method: 'POST',
    target: '/v1/network-enablement',
    headers,
    body,
  })
  codes.add(JSON.parse(late.body).code)
  canaries.show('problems', [late.body, ...late.lines].join('\n'))

  const leaving = await world.open({ SHUTDOWN_DELAY_MS: '1000' })
  const left = leaving.close()
  while ((await leaving.send({ target: '/readyz' })).status === 200);
  await left
  await process.sabotage(`${secret} +${number} ${token}`)
  await lane.start(token, { phone_number: `+${number}` })
}

test('no secret is in any place', { skip: redisMissing, timeout: 240_000 }, async (t) => {
  const world = await openPrivacyWorld(t)
  const { canaries, codes, idp, open } = world
  const lane = await open()

  const queue = [...rows.entries()]
  const worker = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) await world.runRow(t, next[1], next[0])
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
  await runMistakes(world, lane)
  await runMessages(t, world)

  const token = idp.tokenOf('canary-subject-bob')
  const landed = await lane.land({
    code,
    state: stateIn((await lane.start(token, { phone_number: `+${number}` })).body),
  })
  const finished = await lane.finish(token, landed.body)
  const { receipt, ...result } = JSON.parse(finished.body)
  t.strictSame(result, { phone_number: `+${number}`, phone_number_verified: true })
  t.match(receipt, /^[\w-]+\.[\w-]+\.[\w-]+$/)
  const again = await lane.finish(token, landed.body)
  t.equal(again.body, finished.body, 'from what Redis keeps')
  await runEnds(world, lane)
  await lane.close()
  await world.end()

  t.strictSame([...codes].sort(), [...allCodes].sort(), 'every problem code was seen')
  const { places, secrets, hits, searchedBytes } = canaries.search()
  t.comment(`${secrets} secrets looked for in ${places} places, ${searchedBytes} bytes`)
  t.strictSame(hits, [])
  t.equal(places, 6)
  t.ok(secrets > 600)
})
