/**
 * 10,000 generated requests to every route of both listeners, other ones at every run. Run by `npm run fuzz`, with another number
 * by `npm run fuzz -- --runs 500`, and the same ones again by `npm run fuzz -- --seed 1`.
 */

import { parseArgs } from 'node:util'
import { t as file, test } from 'tap'
import { openFuzz } from '../test/support/fuzz.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '10000' },
    seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
  },
})
const runs = Number(values.runs)
const seed = Number(values.seed)
const { routes, fuzz, close } = await openFuzz(file)

for (const route of routes)
  test(`${runs} generated requests to ${route}, seed ${seed}`, async (t) => {
    const counts = await fuzz(route, { runs, seed })
    t.not(Object.keys(counts).length, 0, JSON.stringify(counts))
  })

test('none of them was an error to the service', async (t) => {
  t.equal(await close(), '')
})
