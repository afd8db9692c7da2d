/** The code of docs/samples/backends that can run here, against receipts of every kind that it must refuse. */

import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { calculateJwkThumbprint } from 'jose'
import { t as file, test } from 'tap'
import { createReceiptCheck } from '../../docs/samples/backends/receipt.ts'
import { openIdentityProvider } from '../support/app-client.ts'
import { openDocumentServer } from '../support/document-server.ts'
import { hostileReceipts, type ReceiptWorld, receiptOf } from '../support/hostile-receipts.ts'
import { createKeys } from '../support/keys.ts'
import { fail } from '../support/must.ts'

const keys = createKeys('EC P-256')
const kid = await calculateJwkThumbprint(keys.publicKey)
const jwk = { ...keys.publicKey.export({ format: 'jwk' }), use: 'sig', alg: 'ES256', kid }
const { origin: issuer } = await openDocumentServer(file, { '/.well-known/jwks.json': { keys: [jwk] } })
const world: ReceiptWorld = {
  keys,
  kid,
  issuer,
  audience: 'https://backends.example.com',
  subject: 'alice',
  phoneNumber: '+99012345678',
  nowSeconds: Math.floor(Date.now() / 1000),
}
const { audience, subject, phoneNumber, nowSeconds } = world
const { tokenOf } = await openIdentityProvider(file)
const hostile = [
  ...(await hostileReceipts(world)),
  ['an access token of the provider', tokenOf(subject)] as const,
]
const good: [what: string, receipt: string][] = [
  ['a good one', receiptOf(world)],
  ['one for several audiences', receiptOf(world, {}, { aud: ['https://other.example.com', audience] })],
  ['one with a claim that is new', receiptOf(world, {}, { later: 1, client_id: 'an-app' })],
  ['one of a service whose clock is 4 s ahead', receiptOf(world, {}, { iat: nowSeconds + 4 })],
]

const check = createReceiptCheck({ issuer, audience })

test(`the sample for Node refuses ${hostile.length} altered receipts`, async (t) => {
  t.ok(hostile.length >= 40)
  for (const [what, receipt] of hostile) await t.rejects(check(receipt, { subject, phoneNumber }), what)
})

test('the sample for Node accepts what is good', async (t) => {
  for (const [what, receipt] of good)
    t.equal((await check(receipt, { subject, phoneNumber })).phone_number, phoneNumber, what)
})

test('the sample for Node compares with nobody and nothing but what it is given', async (t) => {
  const [[, receipt] = fail()] = good
  for (const expected of [
    { subject: 'bob', phoneNumber },
    { subject: '', phoneNumber },
    { subject, phoneNumber: '+99012345679' },
    { subject, phoneNumber: '' },
  ])
    await t.rejects(check(receipt, expected))
})

/** Debian's own Python, whose packages are Debian's. */
const python = '/usr/bin/python3'
const missing =
  spawnSync(python, ['-c', 'import jwt, cryptography']).status === 0
    ? false
    : 'python3-jwt and python3-cryptography are not installed'

/** Prints what becomes of each receipt of a list on standard input. */
const driver = `
import json, sys
from receipt import ReceiptCheck
check = ReceiptCheck(sys.argv[1], sys.argv[2])
outcomes = []
for receipt in json.load(sys.stdin):
    try:
        outcomes.append(check.check(receipt, sys.argv[3], sys.argv[4])["phone_number"])
    except Exception:
        outcomes.append(None)
print(json.dumps(outcomes))
`

async function checkInPython(receipts: string[], expected: string[]): Promise<(string | null)[]> {
  const child = spawn(python, ['-c', driver, issuer, audience, ...expected], {
    env: {
      PYTHONPATH: join(import.meta.dirname, '../../docs/samples/backends'),
      PYTHONDONTWRITEBYTECODE: '1',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.end(JSON.stringify(receipts))
  return JSON.parse(await text(child.stdout))
}

test('the sample for Python refuses and accepts the same', { skip: missing, timeout: 60_000 }, async (t) => {
  // Only the service itself could sign one, and PyJWT 2.6 does not look.
  const refused = hostile.filter(([what]) => !what.startsWith('a critical extension'))
  t.equal(refused.length, hostile.length - 1)
  const receipts = [...refused, ...good].map(([, receipt]) => receipt)
  const outcomes = await checkInPython(receipts, [subject, phoneNumber])
  const accepted = outcomes.flatMap((number, n) => (number === null ? [] : [refused[n]?.[0] ?? number]))
  t.strictSame(accepted, Array(good.length).fill(phoneNumber))
  for (const expected of [
    ['bob', phoneNumber],
    ['', phoneNumber],
    [subject, '+99012345679'],
    [subject, ''],
  ])
    t.strictSame(await checkInPython([String(good[0]?.[1])], expected), [null])
})
