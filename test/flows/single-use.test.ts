/**
 * A state is used once, under any number of parallel finishes over real sockets and kept connections: the operator sees one
 * exchange of a code for each state, whatever the callers see.
 */

import { setTimeout as wait } from 'node:timers/promises'
import { t as file, test } from 'tap'
import { Pool } from 'undici'
import { finishPath, type Landing, openWorld } from '../support/service.ts'

const rounds = 200
const parallel = 100
const number = '+99012345678'

const world = await openWorld((close) => file.teardown(close))
const [alice, bob] = [await world.tokenOf('alice'), await world.tokenOf('bob')]
const pool = new Pool(world.service.url, { connections: parallel })
file.teardown(() => pool.close())

/** Status, then body: two answers are equal when their bytes are. */
async function finish(token: string, landing: Landing): Promise<string> {
  const { statusCode, body } = await pool.request({
    method: 'POST',
    path: finishPath,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(landing),
  })
  const text = await body.text()
  if (!text.includes('"overloaded"')) return `${statusCode} ${text}`
  // A machine busy with other tests may set it off; it comes before anything has run.
  await wait(50)
  return finish(token, landing)
}

const verified = `200 {"phone_number":"${number}","phone_number_verified":true}`
const otherNumber = '+99012345677'
const notVerified = `200 {"phone_number":"${otherNumber}","phone_number_verified":false}`

/** How often each answer came; problems by their status and code. */
function tally(answers: string[]): Record<string, number> {
  const short = answers.map((answer) => answer.replace(/^(\d+) .*"code":"(\w+)".*$/, '$1 $2'))
  return Object.fromEntries(
    [...Map.groupBy(short, (answer) => answer)].map(([answer, same]) => [answer, same.length]),
  )
}

const times = <T>(count: number, make: (n: number) => T): T[] =>
  Array.from({ length: count }, (_, n) => make(n))

/** How many codes were exchanged and numbers checked during the work. */
async function asked<T>(work: () => Promise<T>): Promise<{ answers: T; exchanges: number; checks: number }> {
  const [exchanges, checks] = [world.exchanges(), world.checks()]
  const answers = await work()
  return { answers, exchanges: world.exchanges() - exchanges, checks: world.checks() - checks }
}

test(`${parallel} parallel finishes of the owner get one answer and make one exchange, in each of ${rounds} rounds`, async (t) => {
  for (let round = 0; round < rounds; round++) {
    const landing = await world.landingOf(alice, number)
    const { answers, exchanges, checks } = await asked(() =>
      Promise.all(times(parallel, () => finish(alice, landing))),
    )
    t.strictSame(tally(answers), { [verified]: parallel })
    t.strictSame([exchanges, checks], [1, 1])
  }
})

test('of 100 parallel finishes with different codes one makes an exchange, and the others get invalid_state', async (t) => {
  for (let round = 0; round < 20; round++) {
    const { code, state } = await world.landingOf(alice, number)
    const { answers, exchanges } = await asked(() =>
      Promise.all(times(parallel, (n) => finish(alice, { code: n === round ? code : `guess-${n}`, state }))),
    )
    const { '400 invalid_state': missed, ...winner } = tally(answers)
    t.equal(missed, parallel - 1)
    t.strictSame(Object.values(winner), [1])
    t.ok([verified, '400 code_rejected'].includes(Object.keys(winner)[0] ?? ''))
    t.equal(exchanges, 1)
  }
})

test("another caller's finishes among the owner's all get invalid_state and disturb nothing", async (t) => {
  for (let round = 0; round < 20; round++) {
    const landing = await world.landingOf(alice, number)
    const { answers, exchanges, checks } = await asked(() =>
      Promise.all(times(parallel, (n) => finish(n % 2 === 0 ? bob : alice, landing))),
    )
    t.strictSame(tally(answers.filter((_, n) => n % 2 === 0)), { '400 invalid_state': parallel / 2 })
    t.strictSame(tally(answers.filter((_, n) => n % 2 === 1)), { [verified]: parallel / 2 })
    t.strictSame([exchanges, checks], [1, 1])
  }
})

test('parallel finishes share a failure as well, and nothing runs twice', async (t) => {
  for (const [failing, problem] of [
    ['+990000001030', '400 code_rejected'],
    ['+990000001041', '403 not_on_carrier_network'],
  ] as const) {
    const landing = await world.landingOf(alice, failing)
    const { answers, exchanges } = await asked(() =>
      Promise.all(times(parallel, () => finish(alice, landing))),
    )
    t.strictSame(tally(answers), { [problem]: parallel })
    t.equal(exchanges, 1)
    t.strictSame(tally([await finish(alice, landing)]), { '400 invalid_state': 1 })
  }
})

for (const [numberOf, result] of [
  [number, verified],
  [otherNumber, notVerified],
] as const)
  test(`the same finish again gets the same bytes, ${result}, and anything else invalid_state`, async (t) => {
    const landing = await world.landingOf(alice, numberOf)
    t.equal(await finish(alice, landing), result)
    const { answers, exchanges } = await asked(async () => [
      await finish(alice, { ...landing, code: `${landing.code}x` }),
      await finish(bob, landing),
      await finish(alice, { ...landing, state: `${landing.state.slice(1)}A` }),
      await finish(alice, landing),
      await finish(alice, landing),
    ])
    t.strictSame(tally(answers), { '400 invalid_state': 3, [result]: 2 })
    t.strictSame(answers.slice(3), [result, result])
    t.equal(exchanges, 0)
  })
