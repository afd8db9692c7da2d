/**
 * What every `StateStore` promises, as one suite: each implementation's own test file calls it with a factory.
 * Promises nothing about a full store: how much one may hold is the implementation's own matter.
 */
import { type Test, test } from 'tap'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import {
  type KeptResult,
  type PendingVerification,
  resultTtlSeconds,
  type StateStore,
} from '../../src/core/ports.ts'
import { mintState } from '../../src/core/state.ts'
import { must } from './must.ts'

export interface StoreUnderTest {
  store: StateStore
  /** Lets so much time pass for the store. */
  advance(ms: number): void | Promise<void>
  /** How far before its end an entry must still be there: 1 unless the store's own time also runs by itself. */
  expirySlackMs?: number
  close(): Promise<void>
}

export interface StoreLimits {
  ttlSeconds: number
  maxPerCaller: number
}

const limits: StoreLimits = { ttlSeconds: 300, maxPerCaller: 5 }
const ttlMs = limits.ttlSeconds * 1000

/** The n-th of many numbers, so that a mixed-up entry shows. */
export function pendingVerification(n = 0, scope = 'a-scope'): PendingVerification {
  const phoneNumber = parsePhoneNumber(`+990${String(n).padStart(8, '0')}`)
  must(phoneNumber)
  return { phoneNumber, scope }
}

export function resultOf(verified: boolean, n = 0): KeptResult {
  return { phoneNumber: pendingVerification(n).phoneNumber, verified }
}

export function stateStoreContract(
  name: string,
  createStore: (limits: StoreLimits) => Promise<StoreUnderTest>,
): void {
  function contract(promise: string, prove: (t: Test, setUp: StoreUnderTest) => Promise<void>): void {
    test(`${name}: ${promise}`, async (t) => {
      const setUp = await createStore(limits)
      t.teardown(() => setUp.close())
      await prove(t, setUp)
    })
  }

  contract('hands out what was put', async (t, { store }) => {
    const [first, second] = [mintState(), mintState()]
    await store.put('alice', first, pendingVerification(1, 'dpv:purpose#first scope'))
    await store.put('alice', second, pendingVerification(2, 'second'))
    const taken = [await store.take('alice', second), await store.take('alice', first)]
    t.strictSame(
      taken.map((pending) => [pending?.phoneNumber.reveal(), pending?.scope]),
      [
        ['+99000000002', 'second'],
        ['+99000000001', 'dpv:purpose#first scope'],
      ],
    )
    t.equal(JSON.stringify(taken[0]), '{"phoneNumber":"+…02","scope":"second"}', 'no number prints itself')
  })

  contract('finds nothing under a state that was never put', async (t, { store }) => {
    await store.put('alice', mintState(), pendingVerification())
    t.equal(await store.take('alice', mintState()), undefined)
    t.equal(await store.take('bob', mintState()), undefined)
  })

  contract('hands a verification out once', async (t, { store }) => {
    const state = mintState()
    await store.put('alice', state, pendingVerification())
    t.ok(await store.take('alice', state))
    t.equal(await store.take('alice', state), undefined)
  })

  contract('has one winner among 100 parallel takes, in each of 20 rounds', async (t, { store }) => {
    for (let round = 0; round < 20; round++) {
      const state = mintState()
      await store.put('alice', state, pendingVerification(round))
      const taken = await Promise.all(Array.from({ length: 100 }, () => store.take('alice', state)))
      t.equal(taken.filter((pending) => pending !== undefined).length, 1)
    }
  })

  contract("lets another subject's try miss, and the owner still take", async (t, { store }) => {
    const state = mintState()
    await store.put('alice', state, pendingVerification())
    await store.put('bob', mintState(), pendingVerification(1))
    for (const stranger of ['bob', 'carol', 'Alice', 'alice ', 'alic', ''])
      t.equal(await store.take(stranger, state), undefined)
    t.ok(await store.take('alice', state))
  })

  contract('keeps the same state of two subjects apart', async (t, { store }) => {
    const state = mintState()
    await store.put('alice', state, pendingVerification(1))
    await store.put('bob', state, pendingVerification(2))
    t.equal((await store.take('alice', state))?.phoneNumber.reveal(), '+99000000001')
    t.equal((await store.take('bob', state))?.phoneNumber.reveal(), '+99000000002')
  })

  contract('takes any text as a subject', async (t, { store }) => {
    const odd = [
      '__proto__',
      'constructor',
      'a:b',
      'a:b:c',
      '*',
      '{a}',
      'a\r\nb',
      'a\0b',
      '😀',
      'x'.repeat(255),
    ]
    const states = odd.map(mintState)
    for (const [n, state] of states.entries()) await store.put(odd[n] ?? '', state, pendingVerification(n))
    for (const [n, subject] of odd.entries()) {
      for (const state of states.slice(n + 1)) t.equal(await store.take(subject, state), undefined)
      const taken = await store.take(subject, states[n] ?? '')
      t.equal(taken?.phoneNumber.reveal(), pendingVerification(n).phoneNumber.reveal())
    }
  })

  contract(
    'keeps a verification until just before its TTL',
    async (t, { store, advance, expirySlackMs = 1 }) => {
      const state = mintState()
      await store.put('alice', state, pendingVerification())
      await advance(ttlMs - expirySlackMs)
      t.ok(await store.take('alice', state))
    },
  )

  contract('has forgotten a verification at its TTL', async (t, { store, advance }) => {
    const state = mintState()
    await store.put('alice', state, pendingVerification())
    await advance(ttlMs)
    t.equal(await store.take('alice', state), undefined)
  })

  contract("keeps the operator's name of a verification", async (t, { store }) => {
    const state = mintState()
    await store.put('alice', state, { ...pendingVerification(), requestId: 'an-id' })
    const taken = await store.take('alice', state)
    t.equal(taken?.requestId, 'an-id')
    await taken?.putBack()
    t.equal((await store.take('alice', state))?.requestId, 'an-id')
  })

  contract('keeps a verification for a shorter time, never for a longer one', async (t, setUp) => {
    const { store, advance, expirySlackMs = 1 } = setUp
    const [short, long, kept] = [mintState(), mintState(), mintState()]
    await store.put('alice', short, pendingVerification(), 60)
    await store.put('alice', kept, pendingVerification(), 60)
    await store.put('alice', long, pendingVerification(), 3600)
    await advance(60_000 - expirySlackMs)
    t.ok(await store.take('alice', kept))
    await advance(expirySlackMs)
    t.equal(await store.take('alice', short), undefined)
    await advance(ttlMs - 60_000)
    t.equal(await store.take('alice', long), undefined)
  })

  contract(
    'lets each verification live for its own TTL',
    async (t, { store, advance, expirySlackMs = 1 }) => {
      const [early, late] = [mintState(), mintState()]
      await store.put('alice', early, pendingVerification(1))
      await advance(10_000)
      await store.put('alice', late, pendingVerification(2))
      await advance(ttlMs - 10_000)
      t.equal(await store.take('alice', early), undefined)
      await advance(10_000 - expirySlackMs)
      t.ok(await store.take('alice', late))
    },
  )

  contract(
    "drops a subject's own oldest for one over its cap, and nobody else's",
    async (t, { store, advance }) => {
      const [other, ...own] = Array.from({ length: limits.maxPerCaller + 3 }, mintState)
      await store.put('bob', other ?? '', pendingVerification())
      for (const [n, state] of own.entries()) {
        await store.put('alice', state, pendingVerification(n))
        await advance(15_000)
      }
      const live = await Promise.all(own.map((state) => store.take('alice', state)))
      t.strictSame(
        live.map((pending) => pending?.phoneNumber.reveal()),
        [
          undefined,
          undefined,
          '+99000000002',
          '+99000000003',
          '+99000000004',
          '+99000000005',
          '+99000000006',
        ],
      )
      t.ok(await store.take('bob', other ?? ''))
    },
  )

  contract('does not count what was taken towards the cap', async (t, { store }) => {
    const [kept, taken, ...more] = Array.from({ length: limits.maxPerCaller + 1 }, mintState)
    await store.put('alice', kept ?? '', pendingVerification(1))
    await store.put('alice', taken ?? '', pendingVerification(2))
    t.ok(await store.take('alice', taken ?? ''))
    for (const state of more) await store.put('alice', state, pendingVerification(3))
    t.equal((await store.take('alice', kept ?? ''))?.phoneNumber.reveal(), '+99000000001')
  })

  contract('does not count what has expired towards the cap', async (t, { store, advance }) => {
    for (let n = 0; n < limits.maxPerCaller; n++)
      await store.put('alice', mintState(), pendingVerification(n))
    await advance(2 * ttlMs)
    const states = Array.from({ length: limits.maxPerCaller }, mintState)
    for (const state of states) await store.put('alice', state, pendingVerification())
    for (const state of states) t.ok(await store.take('alice', state))
  })

  contract('keeps exactly the cap of 50 parallel puts of one subject', async (t, { store }) => {
    const states = Array.from({ length: 50 }, mintState)
    await Promise.all(states.map((state) => store.put('alice', state, pendingVerification())))
    const taken = await Promise.all(states.map((state) => store.take('alice', state)))
    t.equal(taken.filter((pending) => pending !== undefined).length, limits.maxPerCaller)
  })

  contract('keeps the verifications of 200 subjects apart', async (t, { store }) => {
    const states = Array.from({ length: 200 }, mintState)
    await Promise.all(states.map((state, n) => store.put(`subject-${n}`, state, pendingVerification(n))))
    const taken = await Promise.all(states.map((state, n) => store.take(`subject-${n}`, state)))
    for (const [n, pending] of taken.entries())
      t.equal(pending?.phoneNumber.reveal(), pendingVerification(n).phoneNumber.reveal())
  })

  contract('finds a result for exactly its subject, state and code', async (t, { store }) => {
    const [good, bad] = [mintState(), mintState()]
    await store.keepResult('alice', good, 'a-code', resultOf(true))
    await store.keepResult('alice', bad, 'a-code', resultOf(false))
    t.strictSame(await store.findResult('alice', good, 'a-code'), resultOf(true))
    t.strictSame(await store.findResult('alice', good, 'a-code'), resultOf(true), 'any number of times')
    t.strictSame(await store.findResult('alice', bad, 'a-code'), resultOf(false))
    t.equal(await store.findResult('bob', good, 'a-code'), undefined)
    t.equal(await store.findResult('alice', good, 'b-code'), undefined)
    t.equal(await store.findResult('alice', mintState(), 'a-code'), undefined)
  })

  contract('finds a result until just before its end, and no longer', async (t, setUp) => {
    const { store, advance, expirySlackMs = 1 } = setUp
    const state = mintState()
    await store.keepResult('alice', state, 'a-code', resultOf(true))
    await advance(resultTtlSeconds * 1000 - expirySlackMs)
    t.strictSame(await store.findResult('alice', state, 'a-code'), resultOf(true))
    await advance(expirySlackMs)
    t.equal(await store.findResult('alice', state, 'a-code'), undefined)
  })

  contract('finds the number of a result', async (t, { store }) => {
    const state = mintState()
    const receipt = 'a.receipt.of-alice'
    await store.keepResult('alice', state, 'b-code', { ...resultOf(true, 7), receipt })
    t.strictSame(await store.findResult('alice', state, 'b-code'), { ...resultOf(true, 7), receipt })
    await store.keepResult('alice', state, 'a-code', resultOf(true, 7))
    const { phoneNumber } = (await store.findResult('alice', state, 'a-code')) ?? {}
    t.equal(phoneNumber?.reveal(), '+99000000007')
  })

  contract('hands out again, once, what was put back', async (t, { store }) => {
    const state = mintState()
    await store.put('alice', state, pendingVerification(3, 'kept'))
    const taken = await store.take('alice', state)
    t.equal(await taken?.putBack(), true)
    t.equal(await store.take('bob', state), undefined, "still nobody else's")
    const again = await store.take('alice', state)
    t.strictSame([again?.phoneNumber.reveal(), again?.scope], ['+99000000003', 'kept'])
    t.equal(await store.take('alice', state), undefined)
  })

  contract('has one winner among 100 parallel takes of what was put back', async (t, { store }) => {
    const state = mintState()
    await store.put('alice', state, pendingVerification())
    await (await store.take('alice', state))?.putBack()
    const taken = await Promise.all(Array.from({ length: 100 }, () => store.take('alice', state)))
    t.equal(taken.filter((pending) => pending !== undefined).length, 1)
  })

  contract(
    'puts back with what was left of the time, and no more',
    async (t, { store, advance, expirySlackMs = 1 }) => {
      const [live, late] = [mintState(), mintState()]
      for (const state of [live, late]) await store.put('alice', state, pendingVerification())
      await advance(ttlMs - 2 * expirySlackMs)
      for (const state of [live, late]) t.equal(await (await store.take('alice', state))?.putBack(), true)
      t.ok(await (await store.take('alice', live))?.putBack())
      await advance(2 * expirySlackMs)
      for (const state of [live, late]) t.equal(await store.take('alice', state), undefined)
    },
  )

  contract('counts what was put back towards the cap, and drops it first', async (t, { store }) => {
    const [back, ...more] = Array.from({ length: limits.maxPerCaller + 1 }, mintState)
    await store.put('alice', back ?? '', pendingVerification())
    for (const state of more.slice(1)) await store.put('alice', state, pendingVerification(1))
    t.equal(await (await store.take('alice', back ?? ''))?.putBack(), true)
    await store.put('alice', more[0] ?? '', pendingVerification(1))
    t.equal(await store.take('alice', back ?? ''), undefined)
    for (const state of more) t.ok(await store.take('alice', state))
  })

  contract('puts nothing back for a subject that is at its cap again', async (t, { store }) => {
    const [taken, ...more] = Array.from({ length: limits.maxPerCaller + 1 }, mintState)
    await store.put('alice', taken ?? '', pendingVerification())
    const held = await store.take('alice', taken ?? '')
    for (const state of more) await store.put('alice', state, pendingVerification(1))
    t.equal(await held?.putBack(), false)
    t.equal(await store.take('alice', taken ?? ''), undefined)
    for (const state of more) t.ok(await store.take('alice', state))
  })

  contract('keeps results and live verifications apart', async (t, { store }) => {
    const state = mintState()
    await store.put('alice', state, pendingVerification())
    t.equal(await store.findResult('alice', state, ''), undefined)
    await store.keepResult('alice', state, 'a-code', resultOf(true))
    t.ok(await store.take('alice', state))
    t.equal(await store.take('alice', state), undefined)
    t.strictSame(await store.findResult('alice', state, 'a-code'), resultOf(true))
  })

  contract('answers a ping', async (t, { store }) => {
    t.equal(await store.ping(), undefined)
  })
}
