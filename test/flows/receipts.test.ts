/** Receipts from the finish to a backend that checks them by the key set: the whole service before the virtual operator. */

import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import { t as file, test } from 'tap'
import { receiptSettings } from '../support/environment.ts'
import { openWorld } from '../support/service.ts'

const settings = receiptSettings()
const world = await openWorld((close) => file.teardown(close), settings)
const alice = await world.tokenOf('alice')
const number = '+99012345678'

test('a finish that verified carries a receipt that a backend accepts, and its repeat is equal to the byte', async (t) => {
  const landing = await world.landingOf(alice, number)
  const { text, body } = await world.finish(alice, landing)
  t.strictSame(Object.keys(body), ['phone_number', 'phone_number_verified', 'receipt'])
  const keys = createRemoteJWKSet(new URL(`${world.service.url}/.well-known/jwks.json`))
  const { payload } = await jwtVerify(String(body.receipt), keys, {
    typ: 'phone-number-receipt+jwt',
    issuer: String(settings.RECEIPT_ISSUER),
    audience: String(settings.RECEIPT_AUDIENCE),
    subject: 'alice',
  })
  t.equal(payload.phone_number, number)
  t.equal(payload.client_id, decodeJwt(alice).client_id)
  t.equal((await world.finish(alice, landing)).text, text)
})

test('a number that is not verified has no receipt', async (t) => {
  const { text } = await world.finish(alice, await world.landingOf(alice, '+99012345677'))
  t.equal(text, '{"phone_number":"+99012345677","phone_number_verified":false}')
})

test('a receipt is no access token', async (t) => {
  const { body } = await world.finish(alice, await world.landingOf(alice, number))
  const answer = await world.start(String(body.receipt), number)
  t.strictSame([answer.status, answer.text.includes('"invalid_token"')], [401, true])
})

test('without a key there is neither a receipt nor a key set', async (t) => {
  const { service, ...off } = await openWorld((close) => t.teardown(close))
  const token = await off.tokenOf('alice')
  const { text } = await off.finish(token, await off.landingOf(token, number))
  t.equal(text, `{"phone_number":"${number}","phone_number_verified":true}`)
  t.equal((await off.send(`${service.url}/.well-known/jwks.json`)).status, 404)
})
