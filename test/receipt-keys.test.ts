/** Receipts from the settings to a key set, and by the files of their keys. How files are followed: key-files.test.ts. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from 'jose'
import { type Test, test } from 'tap'
import { parseConfig } from '../src/config.ts'
import { parsePhoneNumber } from '../src/core/phone-number.ts'
import { createKeyFiles } from '../src/key-files.ts'
import { openReceipts } from '../src/receipt-keys.ts'
import { receiptSettings, requiredSettings } from './support/environment.ts'
import { fakeIntervals, passIntervals } from './support/fake-intervals.ts'
import { createKeys, privatePem } from './support/keys.ts'
import { fail, must } from './support/must.ts'
import { recordLog } from './support/public-server.ts'
import { systemClock } from './support/system-clock.ts'
import { callerOf, recordEvents } from './support/unobserved.ts'

const pollIntervalMs = 5000
const [one, two, three] = [createKeys('EC P-256'), createKeys('Ed25519'), createKeys('EC P-256')]
const phoneNumber = parsePhoneNumber('+99012345678') ?? fail('no number')

async function setUp(t: Test, settings: Record<string, string | undefined>) {
  fakeIntervals(t)
  const { logger, log } = recordLog(t)
  const { events, seen } = recordEvents()
  const config = parseConfig({ ...requiredSettings(), ...settings })
  const keyFiles = createKeyFiles(config, logger)
  t.teardown(() => keyFiles.close())
  const receipts = await openReceipts(config, { keyFiles, clock: systemClock, log: logger, events })
  const sign = (sub = 'alice') =>
    receipts?.sign({ caller: { ...callerOf('alice'), sub }, phoneNumber, method: 'network' })
  const kids = () => receipts?.keySet().keys.map(({ kid }) => kid)

  /** Lets the files be read until so many lines are in the log. */
  async function logged(lines: number): Promise<string[]> {
    while (log.lines.length < lines) {
      must(!t.ended)
      passIntervals(pollIntervalMs)
      await setImmediate()
    }
    return log.entries().map(({ level }) => level)
  }
  return { receipts, log, seen, sign, kids, logged }
}

const kidOf = ({ publicKey }: typeof one) => calculateJwkThumbprint(publicKey)

test('without a key there are no receipts', async (t) => {
  t.equal((await setUp(t, {})).receipts, undefined)
})

test('receipts say what the settings say', async (t) => {
  const { sign, kids } = await setUp(t, {
    RECEIPT_PRIVATE_KEY: privatePem(one),
    RECEIPT_PRIVATE_KEY_NEXT: privatePem(two),
    RECEIPT_ISSUER: 'https://verify.example.com',
    RECEIPT_AUDIENCE: 'a,b',
    RECEIPT_LIFETIME_SECONDS: '30',
  })
  const { iss, aud, iat = 0, exp = 0 } = decodeJwt((await sign()) ?? '')
  t.strictSame([iss, aud, exp - iat], ['https://verify.example.com', ['a', 'b'], 30])
  t.strictSame(kids(), [await kidOf(one), await kidOf(two)])
})

test('a key that its file comes to hold signs, and whether it was published before is told', {
  timeout: 10_000,
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'receipt-keys-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const [file, nextFile] = [join(folder, 'key.pem'), join(folder, 'next.pem')]
  writeFileSync(file, privatePem(one))
  writeFileSync(nextFile, privatePem(two))
  const { sign, kids, logged } = await setUp(t, {
    ...receiptSettings(),
    RECEIPT_PRIVATE_KEY: undefined,
    RECEIPT_PRIVATE_KEY_FILE: file,
    RECEIPT_PRIVATE_KEY_NEXT_FILE: nextFile,
  })
  const signer = async () => decodeProtectedHeader((await sign()) ?? '').kid

  writeFileSync(file, privatePem(two))
  t.strictSame(await logged(1), ['info'])
  t.equal(await signer(), await kidOf(two))
  writeFileSync(nextFile, privatePem(one))
  t.strictSame(await logged(2), ['info', 'info'])
  t.strictSame(kids(), [await kidOf(two), await kidOf(one)])
  writeFileSync(file, privatePem(three))
  t.strictSame(await logged(4), ['info', 'info', 'warn', 'info'])
  t.equal(await signer(), await kidOf(three))
  rmSync(file)
  t.equal((await logged(5)).at(-1), 'warn')
  t.equal(await signer(), await kidOf(three), 'the last good key goes on')
})

test('signing that fails is an error in the log, without a word of what was signed', async (t) => {
  const { sign, log, seen } = await setUp(t, receiptSettings())
  t.equal(await sign(1n as unknown as string), undefined)
  t.strictSame(seen, [{ name: 'receipt.signed', outcome: 'failed' }])
  const [line] = log.entries()
  t.equal(line?.level, 'error')
  t.ok(!log.lines.join().includes('99012345678'))
})
