/** The wall clock jumps while verifications go on, and the monotonic clock does not: no finish is lost. By `npm run proof:clock` for real. */
import { test } from 'tap'
import { openClockWorld, proveJumps } from '../support/clock-jumps.ts'
import { openServiceProcess } from '../support/service-process.ts'

test('no finish is lost when the wall clock jumps by hours or by weeks, either way', async (t) => {
  const services = await openServiceProcess()
  t.teardown(() => services.close())
  const world = await openClockWorld(t)
  await services.open(world.settings)
  const { lost, finishes } = await proveJumps(world, 4, services.jumpWall)
  t.strictSame({ lost, finishes }, { lost: 0, finishes: 40 })
})
