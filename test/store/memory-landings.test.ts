/** The devices that are still out, in memory. */
import { createMemoryLandings } from '../../src/store/memory-landings.ts'
import { createFakeClock } from '../support/clock.ts'
import { landingsContract, ttlSeconds } from '../support/landings-contract.ts'

landingsContract('landings in memory', async (_t, events) => {
  const clock = createFakeClock()
  return { landings: createMemoryLandings({ ttlSeconds, clock, events }), advance: clock.advance }
})
