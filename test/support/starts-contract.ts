/** What every `StartsUnderWay` promises: each implementation's own test file calls it with a factory. */
import { type Test, test } from 'tap'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import type { StartsUnderWay } from '../../src/core/ports.ts'
import { fail } from './must.ts'

export interface StartsUnderTest {
  starts: StartsUnderWay
  /** Lets so much time pass. */
  advance(ms: number): void | Promise<void>
  /** How far before its end a start must still be there. */
  expirySlackMs: number
}

const number = parsePhoneNumber('+99012345678') ?? fail()
const other = parsePhoneNumber('+99012345670') ?? fail()
const start = { requestId: 'an-id', authUrl: 'https://canary.example/?a=1' }

export function startsContract(name: string, create: (t: Test) => Promise<StartsUnderTest>): void {
  test(`${name}: a start is found by its caller and number, until it is dropped`, async (t) => {
    const { starts } = await create(t)
    await starts.keep('silent', 'alice', number, start, 60)
    const found = await starts.find('silent', 'alice', number)
    t.strictSame([found?.requestId, found?.authUrl], [start.requestId, start.authUrl])
    t.equal(await starts.find('silent', 'bob', number), undefined)
    t.equal(await starts.find('silent', 'alice', other), undefined)
    t.equal(await starts.find('message', 'alice', number), undefined)
    await starts.keep('message', 'alice', number, { requestId: 'another' }, 360)
    t.strictSame((await starts.find('message', 'alice', number))?.authUrl, undefined)
    await starts.drop('silent', 'bob', number)
    t.ok(await starts.find('silent', 'alice', number))
    await starts.drop('silent', 'alice', number)
    t.equal(await starts.find('silent', 'alice', number), undefined)
    t.equal((await starts.find('message', 'alice', number))?.requestId, 'another')
  })

  test(`${name}: the newest start of a caller for a number counts`, async (t) => {
    const { starts, advance } = await create(t)
    await starts.keep('silent', 'alice', number, start, 60)
    await advance(10_000)
    await starts.keep('silent', 'alice', number, { ...start, requestId: 'newer' }, 60)
    t.equal((await starts.find('silent', 'alice', number))?.requestId, 'newer')
  })

  test(`${name}: a start ends after a minute`, async (t) => {
    const { starts, advance, expirySlackMs } = await create(t)
    await starts.keep('silent', 'alice', number, start, 60)
    await advance(60_000 - expirySlackMs)
    t.ok(await starts.find('silent', 'alice', number))
    await advance(expirySlackMs)
    t.equal(await starts.find('silent', 'alice', number), undefined)
  })
}
