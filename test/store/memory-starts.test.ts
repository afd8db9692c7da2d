/** The starts under way of one process. */
import { createMemoryStarts } from '../../src/store/memory-starts.ts'
import { createFakeClock } from '../support/clock.ts'
import { startsContract } from '../support/starts-contract.ts'

startsContract('memory', async () => {
  const clock = createFakeClock()
  return { starts: createMemoryStarts({ clock }), advance: clock.advance, expirySlackMs: 1 }
})
