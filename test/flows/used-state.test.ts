/**
 * What a state is worth when it is worth nothing: unknown, expired, used, another caller's and malformed ones are answered
 * alike, to the byte and in time; and how long exactly a result can be asked for again. Time is the test's.
 */
import { type Test, test } from 'tap'
import { mintState } from '../../src/core/state.ts'
import { createVerification } from '../../src/core/verification.ts'
import { guard } from '../../src/http/authenticate.ts'
import { numberVerificationRoutes } from '../../src/http/routes/number-verification.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { createFakeClock } from '../support/clock.ts'
import { fail } from '../support/must.ts'
import { openRoutes } from '../support/route-server.ts'
import { createScriptedOperator } from '../support/scripted-operator.ts'
import { callerOf, correlation, unobserved } from '../support/unobserved.ts'

const ttlSeconds = 300
const code = 'a-code'

/** The service's own core and memory store behind the real route; the token is the subject. */
async function setUp(t: Test) {
  const clock = createFakeClock()
  const operator = createScriptedOperator({
    authUrl: () => ({ authUrl: 'https://operator.example/auth', requiresCarrierNetwork: true }),
    verified: () => true,
  })
  const verification = createVerification({
    ...unobserved,
    operator,
    store: createMemoryStore({ ttlSeconds, maxEntries: 1000, maxPerCaller: 1000, clock }),
    scopes: ['a-scope'],
    callingCodes: [],
    ownNumberOnly: false,
  })
  const { url } = await openRoutes(t, (app) =>
    app.register(async (guarded) => {
      guard(guarded, { verify: async (subject) => callerOf(subject) })
      await guarded.register(numberVerificationRoutes(verification))
    }),
  )

  /** @returns the state, as the operator got it */
  async function start(subject: string): Promise<string> {
    await verification.start(
      callerOf(subject),
      { phoneNumber: '+99012345678' },
      correlation,
      new AbortController(),
    )
    return operator.asked.at(-1)?.request.state ?? fail('the operator was not asked')
  }

  async function finish(subject: string, landing: { code: string; state: string }) {
    const beganMs = performance.now()
    const response = await fetch(`${url}/v1/number-verification`, {
      method: 'POST',
      headers: { authorization: `Bearer ${subject}`, 'content-type': 'application/json' },
      body: JSON.stringify(landing),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      text,
      elapsedMs: performance.now() - beganMs,
    }
  }
  return { clock, start, finish, exchanges: () => operator.verifications.length }
}

type Finished = Awaited<ReturnType<Awaited<ReturnType<typeof setUp>>['finish']>>

/** All of an answer but the id of the request and the date. */
function bytesOf(t: Test, { status, headers, text }: Finished): unknown {
  const requestId = headers.get('x-request-id') ?? fail('no request id')
  const named = [...headers].filter(([name]) => !['date', 'x-request-id'].includes(name))
  t.ok(text.includes(requestId))
  return [status, named, text.replace(requestId, '')]
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

const rounds = 50
/** Below what a call to the operator would add, and generous for a busy machine. */
const maxDifferenceMs = 20

test('an unknown, expired, used, foreign or malformed state gets the same bytes, equally fast', async (t) => {
  const { clock, start, finish, exchanges } = await setUp(t)
  const expired = await start('alice')
  clock.advance(ttlSeconds * 1000)
  const [used, foreign] = [await start('alice'), await start('bob')]
  t.equal((await finish('alice', { code, state: used })).status, 200)

  const states: Record<string, () => string> = {
    unknown: mintState,
    expired: () => expired,
    used: () => used,
    foreign: () => foreign,
    malformed: () => 'v2_840e17a8',
    empty: () => '',
  }
  const elapsedMs = Object.fromEntries(Object.keys(states).map((kind): [string, number[]] => [kind, []]))
  const answers = new Set<string>()
  for (let round = 0; round < rounds; round++)
    for (const [kind, stateOf] of Object.entries(states)) {
      const answer = await finish('alice', { code: `other-${round}`, state: stateOf() })
      answers.add(JSON.stringify(bytesOf(t, answer)))
      elapsedMs[kind]?.push(answer.elapsedMs)
    }
  t.equal(answers.size, 1)
  t.match([...answers][0] ?? '', /^\[400,.*invalid_state/)
  t.equal(exchanges(), 1)
  const medians = Object.values(elapsedMs).map(median)
  t.equal(medians.length, 6)
  t.ok(Math.max(...medians) - Math.min(...medians) < maxDifferenceMs, medians.join(' ms, '))

  t.equal((await finish('bob', { code, state: foreign })).status, 200, 'the foreign one is still its owner’s')
})

test('a state lives to the last millisecond of its TTL, and not one longer', async (t) => {
  const { clock, start, finish, exchanges } = await setUp(t)
  const [lastMoment, tooLate] = [await start('alice'), await start('alice')]
  clock.advance(ttlSeconds * 1000 - 1)
  t.equal((await finish('alice', { code, state: lastMoment })).status, 200)
  clock.advance(1)
  t.equal((await finish('alice', { code, state: tooLate })).status, 400)
  t.equal(exchanges(), 1)
})

test('a result is repeated to its owner up to 60 seconds after it, byte for byte, and not one millisecond longer', async (t) => {
  const { clock, start, finish, exchanges } = await setUp(t)
  const state = await start('alice')
  const { text } = await finish('alice', { code, state })
  t.equal(text, '{"phone_number":"+99012345678","phone_number_verified":true}')
  for (const advanceMs of [0, 30_000, 29_999]) {
    clock.advance(advanceMs)
    t.equal((await finish('alice', { code, state })).text, text)
    t.equal((await finish('bob', { code, state })).status, 400)
    t.equal((await finish('alice', { code: 'another', state })).status, 400)
  }
  clock.advance(1)
  t.equal((await finish('alice', { code, state })).status, 400)
  t.equal(exchanges(), 1)
})

test('a repeat does not lengthen the time in which a result can be repeated', async (t) => {
  const { clock, start, finish } = await setUp(t)
  const state = await start('alice')
  for (let repeat = 0; repeat < 6; repeat++) {
    t.equal((await finish('alice', { code, state })).status, 200)
    clock.advance(10_000)
  }
  t.equal((await finish('alice', { code, state })).status, 400)
})
