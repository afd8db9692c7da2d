/** Records at rest: only the state that sealed one opens it, and nothing in it can be read or changed without. */
import assert from 'node:assert/strict'
import { createCipheriv, hkdfSync } from 'node:crypto'
import { test } from 'node:test'
import { mintState } from '../../src/core/state.ts'
import { openRecord, sealRecord } from '../../src/store/record.ts'
import { pendingVerification } from '../support/state-store-contract.ts'

const state = mintState()
const pending = pendingVerification(55500123, 'dpv:canary#a scope, "quoted" \u2028 ☎')
const record = sealRecord(pending, state)
const bytes = Buffer.from(record, 'base64')
/** Version, IV, tag. */
const overhead = 1 + 12 + 16

const encode = (changed: Buffer) => changed.toString('base64')
const changedAt = (index: number, mask: number) => {
  const changed = Buffer.from(bytes)
  changed[index] = (changed[index] ?? 0) ^ mask
  return encode(changed)
}

test('the state that sealed a record opens it', () => {
  const opened = openRecord(record, state)
  assert.equal(opened?.phoneNumber.reveal(), '+99055500123')
  assert.equal(opened.scope, pending.scope)
})

test('a record is version 1, an IV, the content and a tag, and no longer', () => {
  const content = Buffer.byteLength(JSON.stringify({ n: '+99055500123', s: pending.scope }))
  assert.equal(bytes[0], 1)
  assert.equal(bytes.length, overhead + content)
  assert.equal(encode(bytes), record, 'plain base64')
})

test('nothing in a record is readable', () => {
  const [number, scope] = [pending.phoneNumber.reveal(), pending.scope]
  for (const part of [number, number.slice(1), scope, 'canary', '{"n"', state])
    for (const text of [record, bytes.toString('latin1'), bytes.toString('utf8'), bytes.toString('hex')])
      assert.ok(!text.includes(part), part)
})

test('the same verification sealed again looks different everywhere but in its version', () => {
  const records = Array.from({ length: 1000 }, () => Buffer.from(sealRecord(pending, state), 'base64'))
  assert.equal(new Set(records.map((sealed) => sealed.toString('hex', 1, 13))).size, 1000, 'no IV twice')
  assert.equal(new Set(records.map((sealed) => sealed.toString('hex', 13))).size, 1000)
})

test('another state opens nothing', () => {
  for (const other of [mintState(), '', `${state} `, state.slice(1), state.toLowerCase()])
    assert.equal(openRecord(record, other), undefined)
})

test('a record with any one bit changed opens no more', () => {
  for (let index = 0; index < bytes.length; index++)
    for (let bit = 0; bit < 8; bit++)
      assert.equal(openRecord(changedAt(index, 1 << bit), state), undefined, `byte ${index}`)
})

test('a record cut at any length, or grown, opens no more', () => {
  for (let length = 0; length < bytes.length; length++)
    assert.equal(openRecord(encode(bytes.subarray(0, length)), state), undefined, `${length} bytes`)
  assert.equal(openRecord(encode(Buffer.concat([bytes, Buffer.of(0)])), state), undefined)
  assert.equal(openRecord(encode(Buffer.concat([bytes, bytes])), state), undefined)
})

test('a record of any other version is unknown', () => {
  for (let version = 0; version < 256; version++)
    if (version !== 1)
      assert.equal(
        openRecord(encode(Buffer.concat([Buffer.of(version), bytes.subarray(1)])), state),
        undefined,
      )
})

for (const [kind, text] of [
  ['nothing', ''],
  ['a word', 'hello'],
  ['not base64', '\u0000☎***'],
  ['a megabyte', 'AQ'.repeat(500_000)],
])
  test(`a record that is ${kind} is unknown`, () => {
    assert.equal(openRecord(text ?? '', state), undefined)
  })

/** Seals what `sealRecord` never would, under the right key. */
function sealText(text: string): string {
  const key = Buffer.from(hkdfSync('sha256', state, '', 'network-enablement-bff record 1', 32))
  const iv = Buffer.alloc(12, 7)
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  return encode(Buffer.concat([Buffer.of(1), iv, cipher.update(text), cipher.final(), cipher.getAuthTag()]))
}

test('the format is fixed: a record sealed by hand opens', () => {
  const opened = openRecord(sealText('{"n":"+99012345678","s":"a-scope","later":1}'), state)
  assert.deepEqual([opened?.phoneNumber.reveal(), opened?.scope], ['+99012345678', 'a-scope'])
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
  test(`a record that holds ${text || 'nothing'} is unknown`, () => {
    assert.equal(openRecord(sealText(text), state), undefined)
  })
