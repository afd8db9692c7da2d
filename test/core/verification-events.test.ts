/** What the core says happened: a number's calling code and the outcome, and nothing else of the number. */

import { setImmediate } from 'node:timers/promises'
import { test } from 'tap'
import { ServiceFailure } from '../../src/core/failures.ts'
import type { Landings } from '../../src/core/ports.ts'
import { createVerification } from '../../src/core/verification.ts'
import { createMemoryStore } from '../../src/store/memory.ts'
import { createFakeClock } from '../support/clock.ts'
import { rejectsWith } from '../support/failure.ts'
import { fail } from '../support/must.ts'
import { createScriptedOperator, type OperatorScript } from '../support/scripted-operator.ts'
import { callerOf, correlation, recordEvents } from '../support/unobserved.ts'

const alice = callerOf('alice')
const never = new AbortController()

function setUp(script: OperatorScript = {}) {
  const { events, seen } = recordEvents()
  const operator = createScriptedOperator({
    authUrl: () => ({ authUrl: 'https://operator.example', requiresCarrierNetwork: true }),
    verified: () => true,
    ...script,
  })
  const landed: string[] = []
  const landings: Landings = {
    expect: (state) => void landed.push(`expected ${state}`),
    land: (state) => void landed.push(`landed ${state}`),
    countExpired: async () => {},
  }
  const clock = createFakeClock()
  const verification = createVerification({
    operator,
    store: createMemoryStore({ ttlSeconds: 300, maxEntries: 100, maxPerCaller: 5, clock }),
    landings,
    events,
    scopes: ['a-scope'],
    callingCodes: [],
    ownNumberOnly: false,
  })
  const start = (phoneNumber: string) => verification.start(alice, { phoneNumber }, correlation, never)
  async function started() {
    await start('+34600000001')
    seen.splice(0)
    return operator.asked.at(-1)?.request.state ?? fail('the operator was not asked')
  }
  const finish = (state: string) => verification.finish(alice, { code: 'a-code', state }, correlation)
  return { verification, seen, landed, start, started, finish, operator }
}

test('a start that goes well has started and issued its URL, and its device is expected', async (t) => {
  const { seen, landed, start, operator } = setUp()
  await start('+34600000001')
  t.strictSame(seen, [
    { name: 'verification.started', callingCode: '34' },
    { name: 'verification.url_issued', callingCode: '34' },
  ])
  t.strictSame(landed, [`expected ${operator.asked[0]?.request.state}`])
})

test('a start that the operator refuses has only started, and no device is expected', async (t) => {
  const { seen, landed, start } = setUp({
    authUrl: () => Promise.reject(new ServiceFailure('network_not_supported')),
  })
  await rejectsWith(t, start('+447700900123'), 'network_not_supported')
  t.strictSame(seen, [{ name: 'verification.started', callingCode: '44' }])
  t.strictSame(landed, [])
})

test('a start that may not be asked about has not started', async (t) => {
  const { seen, start } = setUp()
  await rejectsWith(t, start('600000001'), 'invalid_phone_number')
  t.strictSame(seen, [])
})

test('a redirect that comes back is counted, and its device is expected no more', async (t) => {
  const { verification, seen, landed } = setUp()
  verification.land('code', 'a-state')
  verification.land('access_denied', undefined)
  t.strictSame(seen, [
    { name: 'verification.landed', outcome: 'code' },
    { name: 'verification.landed', outcome: 'access_denied' },
  ])
  t.strictSame(landed, ['landed a-state'])
})

for (const verified of [true, false])
  test(`a result of ${verified} is counted once, and each repeat as one`, async (t) => {
    const { seen, started, finish } = setUp({ verified: () => verified })
    const state = await started()
    for (let times = 0; times < 3; times++) await finish(state)
    t.strictSame(seen, [
      { name: 'verification.finished', callingCode: '34', verified },
      { name: 'verification.repeated' },
      { name: 'verification.repeated' },
    ])
  })

test('a repeat while the work is under way is counted when it gets the result', async (t) => {
  const answer = Promise.withResolvers<boolean>()
  const { seen, started, finish } = setUp({ verified: () => answer.promise })
  const state = await started()
  const finishes = [finish(state), finish(state)]
  await setImmediate()
  t.strictSame(seen, [])
  answer.resolve(true)
  await Promise.all(finishes)
  t.strictSame(seen.map(({ name }) => name).sort(), ['verification.finished', 'verification.repeated'])
})

test('a finish that fails has no result, and neither has its repeat', async (t) => {
  const { seen, started, finish } = setUp({
    verified: () => Promise.reject(new ServiceFailure('outcome_unknown')),
  })
  const state = await started()
  const finishes = [finish(state), finish(state)]
  for (const finishing of finishes) await rejectsWith(t, finishing, 'outcome_unknown')
  t.strictSame(seen, [])
})

test('the operator is told which request it works for', async (t) => {
  const { started, finish, operator } = setUp()
  await finish(await started())
  t.strictSame(operator.correlations, [correlation, correlation])
})
