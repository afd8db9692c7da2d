/** The stores as the settings want them, closed at the end of the test; with what they logged and told. */
import type { Test } from 'tap'
import { type Environment, parseConfig } from '../../src/config.ts'
import { createKeyedDigest } from '../../src/core/keyed-digest.ts'
import type { InSpan } from '../../src/core/spans.ts'
import { openStores } from '../../src/stores.ts'
import { requiredSettings } from './environment.ts'
import { recordLog } from './public-server.ts'
import { systemClock } from './system-clock.ts'
import { recordEvents } from './unobserved.ts'

export async function openStoresOf(t: Test, settings: Environment, inSpan?: InSpan) {
  const { logger, log } = recordLog(t)
  const config = parseConfig({ ...requiredSettings(), ...settings })
  const digest = createKeyedDigest(config.VONAGE_PRIVATE_KEY)
  const { events, seen } = recordEvents()
  const stores = await openStores(config, {
    clock: systemClock,
    digest,
    log: logger,
    events,
    inSpan,
  })
  t.teardown(() => stores.close())
  return { ...stores, log, seen }
}
