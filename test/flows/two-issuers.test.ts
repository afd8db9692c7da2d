/** Two identity providers that know an alice each: neither can finish, repeat, crowd out or use up the limits of the other. */
import { type Test, test } from 'tap'
import { startWornProvider } from '../../simulator/worn-provider.ts'
import type { Environment } from '../../src/config.ts'
import { findFreePort } from '../support/free-port.ts'
import { openWorld } from '../support/service.ts'

const number = '+99012345678'

async function open(t: Test, settings: Environment) {
  const other = await startWornProvider('auth0', { host: '127.0.0.1', port: 0, issuer: undefined })
  t.teardown(() => other.close())
  const port = await findFreePort()
  const world = await openWorld(
    (close) => t.teardown(close),
    { AUTH_ISSUER: `http://127.0.0.1:${port},${other.issuer}`, ...settings },
    { identityProviderPort: port },
  )
  return { world, one: await world.tokenOf('alice'), two: await other.issue('access', 'alice') }
}

test('neither finishes nor repeats what the other began', async (t) => {
  const { world, one, two } = await open(t, {})
  const landing = await world.landingOf(one, number)
  t.equal((await world.finish(two, landing)).status, 400)
  const finished = await world.finish(one, landing)
  t.equal(finished.status, 200)
  t.equal((await world.finish(two, landing)).status, 400)
  t.equal((await world.finish(one, landing)).text, finished.text)
  t.equal((await world.finish(two, await world.landingOf(two, number))).status, 200)
})

test('neither crowds out what the other began', async (t) => {
  const { world, one, two } = await open(t, { STATE_MAX_PER_CALLER: '1' })
  const [first, second] = [await world.landingOf(one, number), await world.landingOf(two, number)]
  t.equal((await world.finish(one, first)).status, 200)
  t.equal((await world.finish(two, second)).status, 200)
})

test('neither uses up the limits of the other', async (t) => {
  const { world, one, two } = await open(t, {
    RATE_LIMIT_CALLER_PER_MINUTE: '3',
    RATE_LIMIT_DISTINCT_NUMBERS_PER_DAY: '1',
  })
  const statuses = async (token: string, numbers: string[]) => {
    const all: number[] = []
    for (const each of numbers) all.push((await world.start(token, each)).status)
    return all
  }
  const numbers = [number, '+99012345677', number, number]
  t.strictSame(await statuses(one, numbers), [200, 429, 200, 429])
  t.strictSame(await statuses(two, numbers), [200, 429, 200, 429])
})
