/**
 * The files of private keys, read anew whenever they change. Part of `compose.ts`.
 *
 * The files are read every few seconds and compared by content: the file system's own notifications do not cross network
 * mounts, and they watch an inode, whereas a key is changed by a rename or, in Kubernetes, by turning a symbolic link.
 */
import type { KeyObject } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Config } from './config.ts'
import type { Log } from './observability/logger.ts'
import { type KeyKinds, readKeyText } from './settings/key-text.ts'
import { settings } from './settings.ts'

/** Soon enough for an operator who waits until the log says that the file was read. */
const pollIntervalMs = 5000

export type KeySetting =
  | 'VONAGE_PRIVATE_KEY'
  | 'VONAGE_PRIVATE_KEY_NEXT'
  | 'RECEIPT_PRIVATE_KEY'
  | 'RECEIPT_PRIVATE_KEY_NEXT'

export interface KeyFiles {
  /** Where the setting came from a file: hands over every other key that this file comes to hold. */
  watch(setting: KeySetting, onKey: (key: KeyObject) => void | Promise<void>): void
  /** The settings whose files are watched, and whether what is there now is of no use, so that the key before stays. */
  states(): Iterable<[setting: KeySetting, isFaulty: boolean]>
  /** Looks at the files no more. */
  close(): void
}

export function createKeyFiles(config: Config, log: Log['logger']): KeyFiles {
  const timers: NodeJS.Timeout[] = []
  const states = new Map<KeySetting, boolean>()

  return {
    watch(setting, onKey) {
      const [file, pem] = [config[`${setting}_FILE`], config[setting]]
      if (file === undefined || pem === undefined) return
      const kinds = settings.properties[setting].privateKey as KeyKinds
      let latest = pem
      let seen: string | undefined
      let looking = false

      /** A file that hangs is read once at a time. */
      async function lookOnce(path: string): Promise<void> {
        if (looking) return
        looking = true
        await look(path)
        looking = false
      }

      async function look(path: string): Promise<void> {
        const text = await readFile(path, 'utf8').catch(() => '')
        if (text === seen) return
        seen = text
        const { key, fault } = readKeyText(text, kinds)
        states.set(setting, key === undefined)
        if (!key) return log.warn({ setting, fault }, 'private key file not usable, the key before stays')
        // Not by `equals`: of keys of two types it leaves an error behind in OpenSSL, which fails the next key that is read (Node 24.21).
        const normal = key.export({ type: 'pkcs8', format: 'pem' }).toString()
        if (normal === latest) return
        latest = normal
        await onKey(key)
        log.info({ setting }, 'private key file read anew')
      }

      states.set(setting, false)
      timers.push(setInterval(lookOnce, pollIntervalMs, file).unref())
    },

    states: () => states,

    close: () => timers.forEach(clearInterval),
  }
}
