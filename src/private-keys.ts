/** The private keys that Vonage knows, from the settings and from their files whenever these change. Part of `compose.ts`. */
import { createPrivateKey } from 'node:crypto'
import type { Config } from './config.ts'
import type { EventSink } from './core/events.ts'
import type { Clock } from './core/ports.ts'
import type { KeyFiles } from './key-files.ts'
import type { Log } from './observability/logger.ts'
import { createKeyRing, type KeyRing } from './vonage/key-ring.ts'

export interface PrivateKeysContext {
  keyFiles: KeyFiles
  clock: Clock
  log: Log['logger']
  events: EventSink
}

export function openPrivateKeys(
  config: Config,
  { keyFiles, clock, log, events }: PrivateKeysContext,
): KeyRing {
  const { VONAGE_PRIVATE_KEY: primaryPem, VONAGE_PRIVATE_KEY_NEXT: nextPem } = config
  const keyRing = createKeyRing({
    applicationId: config.VONAGE_APPLICATION_ID,
    primary: createPrivateKey(primaryPem),
    next: nextPem === undefined ? undefined : createPrivateKey(nextPem),
    clock,
    onKeyChange(key) {
      events({ name: 'private_key.changed', key })
      log.info({ key }, 'Vonage accepts another private key')
    },
  })
  keyFiles.watch('VONAGE_PRIVATE_KEY', (key) => keyRing.offer('primary', key))
  keyFiles.watch('VONAGE_PRIVATE_KEY_NEXT', (key) => keyRing.offer('next', key))
  return keyRing
}
