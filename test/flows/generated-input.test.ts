/** Some hundred generated requests to every route, the same ones each time; `npm run fuzz` has 10,000 others. */
import { t as file, test } from 'tap'
import { openFuzz } from '../support/fuzz.ts'

const seed = 20_260_101
const runs = 300
const { routes, fuzz, close } = await openFuzz(file)

for (const route of routes)
  test(`${runs} generated requests to ${route} get documented answers, seed ${seed}`, async (t) => {
    const counts = await fuzz(route, { runs, seed })
    const answers = Object.values(counts).reduce((sum, count) => sum + count, 0)
    t.ok(answers >= runs, JSON.stringify(counts))
  })

test('none of them was an error to the service', async (t) => {
  t.equal(await close(), '')
})
