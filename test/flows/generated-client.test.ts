/** An app whose client is generated from the API document gets through the whole job, and compiles. */
import { t as file, test } from 'tap'
import { runClientFlow } from '../support/generated-client.ts'
import { openWorld } from '../support/service.ts'

const world = await openWorld((close) => file.teardown(close))

for (const [phoneNumber, verified] of [
  ['+99012345678', true],
  ['+99012345677', false],
] as const)
  test(`a generated client starts, lands and finishes: ${verified}`, async (t) => {
    const { replay, ...flow } = await runClientFlow(world, world.service.url, phoneNumber)
    t.strictSame(flow, {
      live: true,
      ready: true,
      requiresCarrierNetwork: true,
      phoneNumber,
      verified,
      afterReplay: 'start_again',
      requestId: 'an-app-1',
    })
    t.strictSame([replay.code, replay.status], ['invalid_state', 400])
  })
