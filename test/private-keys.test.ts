/** The keys that Vonage knows, from the settings to the key ring. How their files are followed: key-files.test.ts. */

import type { KeyObject } from 'node:crypto'
import { type Test, test } from 'tap'
import { parseConfig } from '../src/config.ts'
import type { KeySetting } from '../src/key-files.ts'
import { openPrivateKeys } from '../src/private-keys.ts'
import { requiredSettings } from './support/environment.ts'
import { isSignedBy } from './support/key-ring.ts'
import { createRsaKeys, privatePem } from './support/keys.ts'
import { recordLog } from './support/public-server.ts'
import { systemClock } from './support/system-clock.ts'
import { recordEvents } from './support/unobserved.ts'

const [old, young] = [createRsaKeys(), createRsaKeys()]

function setUp(t: Test, settings: Record<string, string> = {}) {
  const { logger, log } = recordLog(t)
  const { events: sink, seen: events } = recordEvents()
  const watched = new Map<KeySetting, (key: KeyObject) => unknown>()
  const keyFiles = {
    watch: (setting: KeySetting, onKey: (key: KeyObject) => unknown) => void watched.set(setting, onKey),
    states: () => [],
    close: () => {},
  }
  const config = parseConfig({ ...requiredSettings(), VONAGE_PRIVATE_KEY: privatePem(old), ...settings })
  const keys = openPrivateKeys(config, { keyFiles, clock: systemClock, log: logger, events: sink })
  return { keys, log, events, watched }
}

test('which key Vonage accepts is logged and counted by name when it changes', async (t) => {
  const { keys, log, events } = setUp(t, { VONAGE_PRIVATE_KEY_NEXT: privatePem(young) })
  keys.accepted(await keys.current())
  t.strictSame(log.lines, [])
  keys.accepted((await keys.replace(await keys.current())) ?? '')
  const [line] = log.lines.map((text) => JSON.parse(text))
  t.strictSame([line.level, line.key], ['info', 'next'])
  t.strictSame(events, [{ name: 'private_key.changed', key: 'next' }])
  t.equal(log.lines.length, 1)
})

for (const [setting, name] of [
  ['VONAGE_PRIVATE_KEY', 'primary'],
  ['VONAGE_PRIVATE_KEY_NEXT', 'next'],
] as const)
  test(`another key in the file of ${setting} is tried when the one in use is refused`, async (t) => {
    const { keys, events, watched } = setUp(t)
    t.equal(await keys.replace(await keys.current()), undefined)
    watched.get(setting)?.(young.privateKey)
    t.ok(await isSignedBy(await keys.current(), old.publicKey, Date.now()), 'still in use')
    const tried = await keys.replace(await keys.current())
    t.ok(await isSignedBy(tried, young.publicKey, Date.now()))
    keys.accepted(tried ?? '')
    t.strictSame(events, [{ name: 'private_key.changed', key: name }])
  })
