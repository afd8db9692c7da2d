/** Which texts are E.164 numbers, and that a number never prints itself. */

import { inspect } from 'node:util'
import { test } from 'tap'
import { hasCallingCode, parsePhoneNumber } from '../../src/core/phone-number.ts'
import { confirm, fail } from '../support/must.ts'

const possible = [
  '+1234567', // 7 digits, the shortest
  '+123456789012345', // 15 digits, the longest
  '+34600000001',
  '+99012345678', // the virtual operator's unassigned prefix
  '+10000000',
]

for (const text of possible) {
  test(`accepts ${text} and reveals it unchanged`, async (t) => {
    t.equal(parsePhoneNumber(text)?.reveal(), text)
  })
}

const impossible = {
  empty: '',
  'a plus alone': '+',
  '6 digits': '+123456',
  '16 digits': '+1234567890123456',
  'a leading 0': '+0123456789',
  'no plus': '34600000001',
  'two pluses': '++34600000001',
  'an international prefix': '0034600000001',
  'a space inside': '+34 600000001',
  'a leading space': ' +34600000001',
  'a trailing space': '+34600000001 ',
  'a trailing newline': '+34600000001\n',
  'a second line': '+34600000001\n+34600000002',
  hyphens: '+34-600-000-001',
  brackets: '+(34)600000001',
  letters: '+3460000000a',
  'a NUL': '+34600000001\0',
  'Arabic-Indic digits': '+٣٤٦٠٠٠٠٠٠٠١',
  'full-width digits': '+３４６００００００１',
  'a full-width plus': '＋34600000001',
  'a zero-width space': '+34600000001\u200b',
  'an extension': '+34600000001;ext=5',
  'a tel URI': 'tel:+34600000001',
  'a decimal exponent': '+1e10000000',
}

for (const [what, text] of Object.entries(impossible)) {
  test(`refuses a number with ${what}`, async (t) => {
    t.equal(parsePhoneNumber(text), undefined)
  })
}

/** Whether a number has one of these calling codes. */
function has(callingCodes: string[], text: string): boolean {
  return hasCallingCode(parsePhoneNumber(text) ?? fail(), callingCodes)
}

test('a number has a calling code when it starts with it', async (t) => {
  const accepts = (text: string) => has(['34', '49', '990'], text)
  t.ok(accepts('+34600000001'))
  t.ok(accepts('+4915100000000'))
  t.ok(accepts('+99012345678'))
  t.equal(accepts('+99112345678'), false)
  t.equal(accepts('+13460000000'), false, 'the code counts at the start only')
  t.equal(accepts('+33600000001'), false)
})

test('every number has one of no calling codes at all', async (t) => {
  t.ok(has([], '+34600000001'))
})

test('a number shows two digits, however it is printed', async (t) => {
  const phoneNumber = parsePhoneNumber('+34600123478')
  t.ok(phoneNumber)
  t.equal(String(phoneNumber), '+…78')
  t.equal(`${phoneNumber}`, '+…78')
  t.equal(JSON.stringify({ phoneNumber }), '{"phoneNumber":"+…78"}')
  t.notMatch(inspect(phoneNumber, { depth: 9, showHidden: true }), /6001234/)
})

test('a number cannot be changed after parsing', async (t) => {
  const phoneNumber = parsePhoneNumber('+34600123478')
  confirm(t, phoneNumber)
  t.throws(() => Object.assign(phoneNumber, { callingCode: '99' }), TypeError)
  t.equal(phoneNumber.callingCode, '34')
})

/** From the list of ITU-T E.164 assigned country codes; the last three are not assigned. */
const callingCodes: Record<string, string> = {
  '+12025550123': '1',
  '+79161234567': '7',
  '+20212345678': '20',
  '+27821234567': '27',
  '+34600000001': '34',
  '+390612345678': '39',
  '+447700900123': '44',
  '+491701234567': '49',
  '+525512345678': '52',
  '+5511912345678': '55',
  '+6591234567': '65',
  '+819012345678': '81',
  '+8613912345678': '86',
  '+919876543210': '91',
  '+989123456789': '98',
  '+212612345678': '212',
  '+351912345678': '351',
  '+380501234567': '380',
  '+420601123456': '420',
  '+50212345678': '502',
  '+59812345678': '598',
  '+67512345678': '675',
  '+852912345678': '852',
  '+88012345678': '880',
  '+971501234567': '971',
  '+99312345678': '993',
  '+99012345678': '990',
  '+2100000': '210',
  '+8999999': '899',
}

for (const [text, callingCode] of Object.entries(callingCodes))
  test(`the calling code of ${text} is ${callingCode}`, async (t) => {
    t.equal(parsePhoneNumber(text)?.callingCode, callingCode)
  })

test('every number has a calling code of one to three digits, of fewer than 400 in all', async (t) => {
  const codes = Array.from({ length: 900 }, (_, n) => parsePhoneNumber(`+${100 + n}0000000`)?.callingCode)
  for (const code of codes) t.match(String(code), /^[1-9]\d{0,2}$/)
  t.ok(new Set(codes).size < 400)
})
