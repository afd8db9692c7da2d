/** Records and results at rest: what is in them, and what is taken for one. How they are sealed: sealed.test.ts. */

import { createCipheriv, hkdfSync } from 'node:crypto'
import { test } from 'tap'
import { mintState } from '../../src/core/state.ts'
import { openRecord, openResult, sealRecord, sealResult } from '../../src/store/record.ts'
import { confirm } from '../support/must.ts'
import { pendingVerification, resultOf } from '../support/state-store-contract.ts'

const state = mintState()
const pending = pendingVerification(55500123, 'dpv:canary#a scope, "quoted" \u2028 ☎')
const record = sealRecord(pending, state)
const bytes = Buffer.from(record, 'base64')
/** Version, IV, tag. */
const overhead = 1 + 12 + 16

const encode = (changed: Buffer) => changed.toString('base64')

test('the state that sealed a record opens it', async (t) => {
  const opened = openRecord(record, state)
  confirm(t, opened)
  t.equal(opened.phoneNumber.reveal(), '+99055500123')
  t.equal(opened.scope, pending.scope)
})

test('a record is version 1, an IV, the content and a tag, and no longer', async (t) => {
  const content = Buffer.byteLength(JSON.stringify({ n: '+99055500123', s: pending.scope }))
  t.equal(bytes[0], 1)
  t.equal(bytes.length, overhead + content)
  t.equal(encode(bytes), record, 'plain base64')
})

/** Seals what `sealRecord` never would, under the right key. */
function sealText(text: string, purpose = 'record'): string {
  const key = Buffer.from(hkdfSync('sha256', state, '', `network-enablement-bff ${purpose} 1`, 32))
  const iv = Buffer.alloc(12, 7)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  return encode(Buffer.concat([Buffer.of(1), iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]))
}

test('the format is fixed: a record sealed by hand opens', async (t) => {
  const opened = openRecord(sealText('{"n":"+99012345678","s":"a-scope","later":1}'), state)
  t.strictSame([opened?.phoneNumber.reveal(), opened?.scope], ['+99012345678', 'a-scope'])
})

for (const text of [
  '',
  'null',
  '[]',
  '{}',
  '{"n":"+99012345678"}',
  '{"n":99012345678,"s":"a-scope"}',
  '{"n":"99012345678","s":"a-scope"}',
  '{"n":"+99012345678","s":null}',
  '{"n":"+99012345678","s":"a-scope"',
])
  test(`a record that holds ${text || 'nothing'} is unknown`, async (t) => {
    t.equal(openRecord(sealText(text), state), undefined)
  })

for (const verified of [true, false])
  test(`the state that sealed the result ${verified} opens it, with its number`, async (t) => {
    const opened = openResult(sealResult(resultOf(verified, 7), state), state)
    t.strictSame([opened?.phoneNumber.reveal(), opened?.verified], ['+99000000007', verified])
  })

test('a result is opened with its receipt, which is sealed like the rest', async (t) => {
  const receipt = 'canary.of.receipt'
  const sealed = sealResult({ ...resultOf(true, 7), receipt }, state)
  t.ok(!Buffer.from(sealed, 'base64').includes(receipt))
  t.strictSame(openResult(sealed, state), { ...resultOf(true, 7), receipt })
  t.equal(openResult(sealText('{"n":"+99012345678","v":true,"r":"a"}', 'result'), state)?.receipt, 'a')
})

test('the format of a result is fixed: one sealed by hand opens', async (t) => {
  const opened = openResult(sealText('{"n":"+99012345678","v":true,"later":1}', 'result'), state)
  t.strictSame([opened?.phoneNumber.reveal(), opened?.verified], ['+99012345678', true])
})

for (const text of [
  '{}',
  '{"n":"+99012345678"}',
  '{"v":true}',
  '{"n":"99012345678","v":true}',
  '{"n":"+99012345678","v":"true"}',
  '{"n":"+99012345678","v":true,"r":null}',
])
  test(`a result that holds ${text} is unknown`, async (t) => {
    t.equal(openResult(sealText(text, 'result'), state), undefined)
  })

test('a record is no result, and a result no record', async (t) => {
  t.equal(openResult(record, state), undefined)
  t.equal(openRecord(sealResult(resultOf(true), state), state), undefined)
})
