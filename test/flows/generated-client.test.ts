/** An app whose client is generated from the API document gets through the whole job, and compiles. */
import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { runClientFlow } from '../support/generated-client.ts'
import { openWorld } from '../support/service.ts'

const world = await openWorld(after)

for (const [phoneNumber, verified] of [
  ['+99012345678', true],
  ['+99012345677', false],
] as const)
  test(`a generated client starts, lands and finishes: ${verified}`, async () => {
    const { replay, ...flow } = await runClientFlow(world, world.service.url, phoneNumber)
    assert.deepEqual(flow, {
      live: true,
      ready: true,
      requiresCarrierNetwork: true,
      phoneNumber,
      verified,
      afterReplay: 'start_again',
      requestId: 'an-app-1',
    })
    assert.deepEqual([replay.code, replay.status], ['invalid_state', 400])
  })
