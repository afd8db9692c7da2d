/** The start of a verification, over an in-memory operator and the real memory store. Its finish: verification-finish.test.ts. */
import { test } from 'tap'
import { type FailureCode, ServiceFailure } from '../../src/core/failures.ts'
import type { AuthUrl, Caller, NetworkOperator, StateStore } from '../../src/core/ports.ts'
import { statePattern } from '../../src/core/state.ts'
import {
  createVerification,
  type StartRequest,
  type VerificationOptions,
} from '../../src/core/verification.ts'
import { createMemoryStore, type MemoryStore } from '../../src/store/memory.ts'
import { createFakeClock } from '../support/clock.ts'
import { rejectsWith } from '../support/failure.ts'
import { fail } from '../support/must.ts'
import { createScriptedOperator } from '../support/scripted-operator.ts'
import { callerOf, correlation, unobserved } from '../support/unobserved.ts'

const alice: Caller = { ...callerOf('alice'), phoneNumber: '+34600000001' }
const number = '+34600000001'
const scopes = ['first-scope', 'second-scope']
const url: AuthUrl = { authUrl: 'https://operator.example/auth?x=1', requiresCarrierNetwork: false }

function setUp(
  options: Partial<VerificationOptions> = {},
  answer: () => AuthUrl | Promise<AuthUrl> = () => url,
) {
  const operator = createScriptedOperator({ authUrl: answer })
  const store =
    options.store ??
    createMemoryStore({ ttlSeconds: 300, maxEntries: 20_000, maxPerCaller: 20_000, clock: createFakeClock() })
  const settings = {
    ...unobserved,
    operator,
    store,
    scopes,
    callingCodes: [],
    ownNumberOnly: false,
    ...options,
  }
  const stateOf = (call = 0) => operator.asked[call]?.request.state ?? fail('the operator was not asked')
  const verification = createVerification(settings)
  const start = (caller: Caller, request: StartRequest, work = new AbortController()) =>
    verification.start(caller, request, correlation, work)
  return { operator, store, stateOf, start }
}

/** The memory store, with some of its methods replaced. */
function storeWith(methods: Partial<StateStore>): StateStore {
  return { ...setUp().store, ...methods }
}

const storeDown = async () => {
  throw new ServiceFailure('store_unavailable')
}

/** Answers nothing, until it is told to stop. */
function createHangingOperator() {
  return createScriptedOperator({
    authUrl: (_request, signal) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener('abort', () => reject(new ServiceFailure('upstream_timeout')))
      }),
  })
}

test('a start answers what the operator answered', async (t) => {
  t.strictSame(await setUp().start(alice, { phoneNumber: number }), url)
})

test('a start asks the operator for the number, the scope and a minted state', async (t) => {
  const { operator, start } = setUp()
  await start(alice, { phoneNumber: number, scope: 'second-scope' })
  t.equal(operator.asked.length, 1)
  const request = operator.asked[0]?.request
  t.equal(request?.phoneNumber.reveal(), number)
  t.equal(request?.scope, 'second-scope')
  t.match(request?.state ?? '', new RegExp(statePattern))
})

test('the first scope is the default', async (t) => {
  const { operator, start } = setUp()
  await start(alice, { phoneNumber: number })
  t.equal(operator.asked[0]?.request.scope, 'first-scope')
})

test('a start keeps the number and the scope under its state, for its caller alone', async (t) => {
  const { store, stateOf, start } = setUp()
  await start(alice, { phoneNumber: number, scope: 'second-scope' })
  t.equal(await store.take('bob', stateOf()), undefined)
  const kept = await store.take('alice', stateOf())
  t.equal(kept?.phoneNumber.reveal(), number)
  t.equal(kept?.scope, 'second-scope')
})

test('the operator and the store are asked at the same time', async (t) => {
  const [storeAsked, operatorAsked] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const store = storeWith({
    async put() {
      storeAsked.resolve()
      await operatorAsked.promise
    },
  })
  const operator = createScriptedOperator({
    async authUrl() {
      operatorAsked.resolve()
      await storeAsked.promise
      return url
    },
  })
  t.strictSame(await setUp({ store, operator }).start(alice, { phoneNumber: number }), url)
})

test('the answer waits for the store', async (t) => {
  const storing = Promise.withResolvers<void>()
  let answered = false
  const started = setUp({ store: storeWith({ put: () => storing.promise }) }).start(alice, {
    phoneNumber: number,
  })
  void started.then(() => {
    answered = true
  })
  await new Promise(setImmediate)
  t.equal(answered, false)
  storing.resolve()
  t.strictSame(await started, url)
})

test('10,000 starts have 10,000 distinct states of 43 base64url characters', async (t) => {
  const { operator, start } = setUp()
  await Promise.all(Array.from({ length: 10_000 }, () => start(alice, { phoneNumber: number })))
  const states = new Set(operator.asked.map(({ request }) => request.state))
  t.equal(states.size, 10_000)
  for (const state of states) t.match(state, /^[A-Za-z0-9_-]{43}$/)
})

const refused: {
  what: string
  request: StartRequest
  code: FailureCode
  caller?: Caller
  options?: Partial<VerificationOptions>
}[] = [
  { what: 'an impossible number', request: { phoneNumber: '34600000001' }, code: 'invalid_phone_number' },
  {
    what: 'a calling code that is not allowed',
    request: { phoneNumber: number },
    code: 'country_not_supported',
    options: { callingCodes: ['49', '990'] },
  },
  {
    what: 'a scope outside the list',
    request: { phoneNumber: number, scope: 'third-scope' },
    code: 'scope_not_allowed',
  },
  { what: 'an empty scope', request: { phoneNumber: number, scope: '' }, code: 'scope_not_allowed' },
  {
    what: 'an empty list',
    request: { phoneNumber: number },
    code: 'scope_not_allowed',
    options: { scopes: [] },
  },
  {
    what: "a number that is not the token's own",
    request: { phoneNumber: '+34600000002' },
    code: 'phone_number_not_allowed',
    options: { ownNumberOnly: true },
  },
  {
    what: 'any number when the token carries none',
    request: { phoneNumber: number },
    caller: callerOf('alice'),
    code: 'phone_number_not_allowed',
    options: { ownNumberOnly: true },
  },
]

for (const { what, request, code, caller = alice, options = {} } of refused) {
  test(`refuses ${what} with ${code}, without a call to the operator or the store`, async (t) => {
    let stored = 0
    const store = storeWith({ put: async () => void stored++ })
    const { operator, start } = setUp({ ...options, store })
    await rejectsWith(t, start(caller, request), code)
    t.equal(operator.asked.length, 0)
    t.equal(stored, 0)
  })
}

test("the token's own number passes when only that is allowed", async (t) => {
  t.strictSame(await setUp({ ownNumberOnly: true }).start(alice, { phoneNumber: number }), url)
})

test('an operator failure is the failure of the start and leaves no state behind', async (t) => {
  const failure = new ServiceFailure('upstream_busy', { retryAfterSeconds: 9 })
  const { store, stateOf, start } = setUp({}, () => Promise.reject(failure))
  t.equal(await rejectsWith(t, start(alice, { phoneNumber: number }), 'upstream_busy'), failure)
  t.equal(await store.take('alice', stateOf()), undefined)
})

test('an operator failure that comes before the state is stored leaves none behind either', async (t) => {
  const { store: memory } = setUp()
  const slow = {
    ...memory,
    put: (...entry: Parameters<StateStore['put']>) =>
      new Promise(setImmediate).then(() => memory.put(...entry)),
  }
  const { stateOf, start } = setUp({ store: slow }, () =>
    Promise.reject(new ServiceFailure('upstream_invalid')),
  )
  await rejectsWith(t, start(alice, { phoneNumber: number }), 'upstream_invalid')
  t.equal(await memory.take('alice', stateOf()), undefined)
})

test('a failed cleanup still reports the failure of the operator', async (t) => {
  const store = storeWith({ take: storeDown })
  const { start } = setUp({ store }, () => Promise.reject(new ServiceFailure('network_not_supported')))
  await rejectsWith(t, start(alice, { phoneNumber: number }), 'network_not_supported')
})

test("a store failure ends the operator's call and is the failure of the start", async (t) => {
  const operator = createHangingOperator()
  const { start } = setUp({ operator, store: storeWith({ put: storeDown }) })
  await rejectsWith(t, start(alice, { phoneNumber: number }), 'store_unavailable')
  t.equal(operator.asked[0]?.signal?.aborted, true)
})

test('a store failure wins over an answer of the operator', async (t) => {
  const { start } = setUp({ store: storeWith({ put: storeDown }) })
  await rejectsWith(t, start(alice, { phoneNumber: number }), 'store_unavailable')
})

test("a start that works never aborts the operator's signal", async (t) => {
  const { operator, start } = setUp()
  await start(alice, { phoneNumber: number })
  t.equal(operator.asked[0]?.signal?.aborted, false)
})

test("a caller who leaves ends the operator's call, and no state stays behind", async (t) => {
  const gone = new AbortController()
  const operator = createHangingOperator()
  const { store, start } = setUp({ operator })
  const started = start(alice, { phoneNumber: number }, gone)
  gone.abort()
  await rejectsWith(t, started, 'upstream_timeout')
  t.equal(await store.take('alice', operator.asked[0]?.request.state ?? ''), undefined)
})

test('a URL that was there already is handed out, and nothing is kept or expected for it', async (t) => {
  const { store, start } = setUp({
    operator: { ...createScriptedOperator({}), requestAuthUrl: async () => url },
  })
  t.strictSame(await start(alice, { phoneNumber: number }), url)
  t.equal((store as MemoryStore).size(), 0)
})

test('a start that fails before it has begun leaves nothing to drop', async (t) => {
  const failure = new ServiceFailure('verification_in_progress')
  const requestAuthUrl = () => Promise.reject(failure)
  const { start } = setUp({ operator: { ...createScriptedOperator({}), requestAuthUrl } })
  t.equal(await rejectsWith(t, start(alice, { phoneNumber: number }), 'verification_in_progress'), failure)
})

test('a message may follow a start, unless who starts it counts them and says no', async (t) => {
  const asked: boolean[] = []
  const requestAuthUrl: NetworkOperator['requestAuthUrl'] = async ({ mayMessage }) => {
    asked.push(await mayMessage())
    return url
  }
  const operator = { ...createScriptedOperator({}), requestAuthUrl }
  const verification = createVerification({
    ...unobserved,
    operator,
    store: setUp().store,
    scopes,
    callingCodes: [],
    ownNumberOnly: false,
  })
  const work = new AbortController()
  await verification.start(alice, { phoneNumber: number }, correlation, work)
  await verification.start(alice, { phoneNumber: number }, correlation, work, () => false)
  t.strictSame(asked, [true, false])
})
