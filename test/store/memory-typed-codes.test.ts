/** The codes by text message of one process. */
import { createMemoryTypedCodes } from '../../src/store/memory-typed-codes.ts'
import { createFakeClock } from '../support/clock.ts'
import { typedCodesContract } from '../support/typed-codes-contract.ts'

typedCodesContract('memory', async () => {
  const clock = createFakeClock()
  return {
    codes: createMemoryTypedCodes({ lifetimeSeconds: 300, clock }),
    advance: clock.advance,
    expirySlackMs: 1,
  }
})
