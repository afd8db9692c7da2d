/** What every `StartsUnderWay` promises: each implementation's own test file calls it with a factory. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { parsePhoneNumber } from '../../src/core/phone-number.ts'
import type { StartsUnderWay } from '../../src/core/ports.ts'

export interface StartsUnderTest {
  starts: StartsUnderWay
  /** Lets so much time pass. */
  advance(ms: number): void | Promise<void>
  /** How far before its end a start must still be there. */
  expirySlackMs: number
}

const number = parsePhoneNumber('+99012345678') ?? assert.fail()
const other = parsePhoneNumber('+99012345670') ?? assert.fail()
const start = { requestId: 'an-id', authUrl: 'https://canary.example/?a=1' }

export function startsContract(name: string, create: (t: TestContext) => Promise<StartsUnderTest>): void {
  test(`${name}: a start is found by its caller and number, until it is dropped`, async (t) => {
    const { starts } = await create(t)
    await starts.keep('silent', 'alice', number, start, 60)
    const found = await starts.find('silent', 'alice', number)
    assert.deepEqual([found?.requestId, found?.authUrl], [start.requestId, start.authUrl])
    assert.equal(await starts.find('silent', 'bob', number), undefined)
    assert.equal(await starts.find('silent', 'alice', other), undefined)
    assert.equal(await starts.find('message', 'alice', number), undefined)
    await starts.keep('message', 'alice', number, { requestId: 'another' }, 360)
    assert.deepEqual((await starts.find('message', 'alice', number))?.authUrl, undefined)
    await starts.drop('silent', 'bob', number)
    assert.ok(await starts.find('silent', 'alice', number))
    await starts.drop('silent', 'alice', number)
    assert.equal(await starts.find('silent', 'alice', number), undefined)
    assert.equal((await starts.find('message', 'alice', number))?.requestId, 'another')
  })

  test(`${name}: the newest start of a caller for a number counts`, async (t) => {
    const { starts, advance } = await create(t)
    await starts.keep('silent', 'alice', number, start, 60)
    await advance(10_000)
    await starts.keep('silent', 'alice', number, { ...start, requestId: 'newer' }, 60)
    assert.equal((await starts.find('silent', 'alice', number))?.requestId, 'newer')
  })

  test(`${name}: a start ends after a minute`, async (t) => {
    const { starts, advance, expirySlackMs } = await create(t)
    await starts.keep('silent', 'alice', number, start, 60)
    await advance(60_000 - expirySlackMs)
    assert.ok(await starts.find('silent', 'alice', number))
    await advance(expirySlackMs)
    assert.equal(await starts.find('silent', 'alice', number), undefined)
  })
}
