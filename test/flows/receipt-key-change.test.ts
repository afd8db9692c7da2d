/**
 * The key for receipts is changed three times, as docs/operations.md says, on replicas that learn of it up to two minutes apart. Backends
 * keep the key set for all of its 300 seconds, each fetched from any replica, and check every receipt when it is new and at its end.
 */

import { createLocalJWKSet, jwtVerify } from 'jose'
import { test } from 'tap'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import { createReceipts, type ReceiptKeyName } from '../../src/receipts/receipts.ts'
import { createFakeClock } from '../support/clock.ts'
import { createKeys } from '../support/keys.ts'
import { fail } from '../support/must.ts'
import { callerOf } from '../support/unobserved.ts'

const lifetimeSeconds = 300
const keySetAgeSeconds = 300
const tickSeconds = 20
/** When each replica learns of what was changed: at once, as a file is read, and as a Secret gets there. */
const learnsAfterSeconds = [0, 60, 120]
const backends = 5
const phoneNumber = parsePhoneNumber('+99012345678') ?? fail('no number')

const keys = ['EC P-256', 'Ed25519', 'EC P-256', 'Ed25519'].map(
  (kind) => createKeys(kind as 'EC P-256' | 'Ed25519').privateKey,
)
const keyOf = (n: number) => keys[n] ?? fail('no such key')

/** @param announced whether the next key is published before it signs */
async function changeThrice(announced: boolean) {
  const clock = createFakeClock()
  const nowSeconds = () => clock.wallMs() / 1000
  const replicas = await Promise.all(
    learnsAfterSeconds.map(() =>
      createReceipts({
        issuer: 'https://verify.example.com',
        audience: ['https://backends.example.com'],
        lifetimeSeconds,
        signing: keyOf(0),
        next: undefined,
        clock,
        events: () => {},
        onFailure: () => fail(),
      }),
    ),
  )
  const replica = (n: number) => replicas[n % replicas.length] ?? fail('no replica')
  const kept = Array.from({ length: backends }, () => ({
    set: createLocalJWKSet({ keys: [] }),
    fetchedAt: Number.NEGATIVE_INFINITY,
  }))
  const due: { atSeconds: number; run: () => Promise<unknown> }[] = []
  const at = (seconds: number, run: () => Promise<unknown>) =>
    due.push({ atSeconds: nowSeconds() + seconds, run })
  const outcome = { issued: 0, checks: 0, refused: 0 }
  let fetches = 0

  async function check(receipt: string): Promise<void> {
    for (const [n, backend] of kept.entries()) {
      if (nowSeconds() - backend.fetchedAt >= keySetAgeSeconds) {
        // Not all at the same time, and each time from another replica.
        const isFirst = backend.fetchedAt === Number.NEGATIVE_INFINITY
        backend.fetchedAt = nowSeconds() - (isFirst ? n * 50 : 0)
        backend.set = createLocalJWKSet(replica(fetches++).keySet())
      }
      outcome.checks += 1
      await jwtVerify(receipt, backend.set, { currentDate: new Date(clock.wallMs()) }).catch(() => {
        outcome.refused += 1
      })
    }
  }

  async function pass(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds; passed += tickSeconds) {
      clock.advance(tickSeconds * 1000)
      const now = due.filter(({ atSeconds }) => atSeconds <= nowSeconds())
      for (const { run } of now) await run()
      due.splice(0, due.length, ...due.filter((later) => !now.includes(later)))
      for (const { sign } of replicas) {
        const receipt = await sign({ caller: callerOf('alice'), phoneNumber, method: 'network' })
        outcome.issued += 1
        await check(receipt ?? '')
        at(lifetimeSeconds - tickSeconds, () => check(receipt ?? ''))
      }
    }
  }

  function set(name: ReceiptKeyName, n: number): void {
    for (const [index, { offer }] of replicas.entries())
      at(learnsAfterSeconds[index] ?? 0, () => offer(name, keyOf(n)))
  }

  await pass(600)
  for (let n = 1; n < keys.length; n++) {
    if (announced) {
      set('next', n)
      await pass(600)
    }
    set('signing', n)
    if (announced) set('next', n - 1)
    await pass(lifetimeSeconds + 600)
  }
  return outcome
}

test('three changes of the key as they are documented make no backend refuse a receipt', async (t) => {
  const { issued, checks, refused } = await changeThrice(true)
  t.ok(issued > 700 && checks > 7000)
  t.equal(refused, 0)
})

test('the proof can fail: keys that sign without having been published are refused for a while', async (t) => {
  t.ok((await changeThrice(false)).refused > 0)
})
