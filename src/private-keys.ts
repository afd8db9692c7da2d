/**
 * The private keys of the settings, and of their files whenever these change. Part of `compose.ts`.
 *
 * The files are read every few seconds and compared by content: the file system's own notifications do not cross network
 * mounts, and they watch an inode, whereas a key is changed by a rename or, in Kubernetes, by turning a symbolic link.
 */
import { createPrivateKey } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Config } from './config.ts'
import type { EventSink } from './core/events.ts'
import type { Clock } from './core/ports.ts'
import type { Log } from './observability/logger.ts'
import { readKeyText } from './settings/key-text.ts'
import { createKeyRing, type KeyName, type KeyRing } from './vonage/key-ring.ts'

/** Soon enough for an operator who waits until the log says that the file was read. */
const pollIntervalMs = 5000

export interface PrivateKeysContext {
  clock: Clock
  log: Log['logger']
  events: EventSink
}

export interface PrivateKeys extends KeyRing {
  /** Looks at the files no more. */
  close(): void
}

export function openPrivateKeys(config: Config, { clock, log, events }: PrivateKeysContext): PrivateKeys {
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

  function watch(name: KeyName, file: string, pem: string): NodeJS.Timeout {
    let latest = createPrivateKey(pem)
    let seen: string | undefined
    let reading = false

    async function look(): Promise<void> {
      if (reading) return
      reading = true
      const text = await readFile(file, 'utf8').catch(() => '')
      reading = false
      if (text === seen) return
      seen = text
      const { key, fault } = readKeyText(text, ['RSA'])
      if (!key) return log.warn({ key: name, fault }, 'private key file not usable, the key before stays')
      if (key.equals(latest)) return
      latest = key
      keyRing.offer(name, key)
      log.info({ key: name }, 'private key file read anew')
    }

    return setInterval(look, pollIntervalMs).unref()
  }

  const timers: NodeJS.Timeout[] = []
  const { VONAGE_PRIVATE_KEY_FILE: primaryFile, VONAGE_PRIVATE_KEY_NEXT_FILE: nextFile } = config
  if (primaryFile !== undefined) timers.push(watch('primary', primaryFile, primaryPem))
  if (nextFile !== undefined && nextPem !== undefined) timers.push(watch('next', nextFile, nextPem))
  return { ...keyRing, close: () => timers.forEach(clearInterval) }
}
