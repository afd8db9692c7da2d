/**
 * Which private key signs our application JWTs, so that a key can be changed at Vonage without a refused call: the one in use
 * stays in use until Vonage refuses it, and only then another one that we were given is tried.
 *
 * One that is refused as well costs the call, not the next one: the former is in use again, and no other is tried for a while.
 */
import type { KeyObject } from 'node:crypto'
import type { Clock } from '../core/ports.ts'
import { type ApplicationJwt, createApplicationJwt, type SigningJwt } from './application-jwt.ts'

/** While Vonage refuses everything, one call in so long is sent twice for it. */
const trialCooldownMs = 10_000

/** By the setting that it came from: VONAGE_PRIVATE_KEY or VONAGE_PRIVATE_KEY_NEXT. */
export type KeyName = 'primary' | 'next'

interface Key {
  name: KeyName
  jwt: SigningJwt
}

export interface KeyRingOptions {
  applicationId: string
  /** RSA of 2048 bits or more, like every key here. In use from the start. */
  primary: KeyObject
  next: KeyObject | undefined
  clock: Clock
  /** Vonage accepted a key that was not in use before, and it is now. */
  onKeyChange: (name: KeyName) => void
}

export interface KeyRing extends ApplicationJwt {
  /** Says that Vonage accepted this JWT: a key that was on trial is then the one in use. */
  accepted(jwt: string): void
  /** A new key of this name. It is tried when the one in use is refused; an older one of the name, if not in use, is forgotten. */
  offer(name: KeyName, privateKey: KeyObject): void
}

export function createKeyRing({ applicationId, clock, ...options }: KeyRingOptions): KeyRing {
  const keyOf = (name: KeyName, privateKey: KeyObject): Key => ({
    name,
    jwt: createApplicationJwt({ applicationId, privateKey, clock }),
  })
  let used = keyOf('primary', options.primary)
  /** In the order in which they are tried; never more than two. */
  let others = options.next ? [keyOf('next', options.next)] : []
  let onTrial: Key | undefined
  let triedAtMs = Number.NEGATIVE_INFINITY

  const without = (key: Key) => others.filter((other) => other !== key)

  return {
    ageSeconds: () => (onTrial ?? used).jwt.ageSeconds(),

    current: () => (onTrial ?? used).jwt.current(),

    async replace(refused) {
      const { jwt } = onTrial ?? used
      if (!jwt.isCurrent(refused)) return jwt.current()
      if (onTrial) {
        others = [...without(onTrial), onTrial]
        onTrial = undefined
        return used.jwt.current()
      }
      if (clock.monotonicMs() - triedAtMs >= trialCooldownMs) onTrial = others[0]
      if (!onTrial) return jwt.replace(refused)
      triedAtMs = clock.monotonicMs()
      return onTrial.jwt.current()
    },

    accepted(jwt) {
      if (!onTrial?.jwt.isCurrent(jwt)) return
      others = [used, ...without(onTrial)]
      used = onTrial
      onTrial = undefined
      // Vonage may take a while to forget the former everywhere.
      triedAtMs = Number.NEGATIVE_INFINITY
      options.onKeyChange(used.name)
    },

    offer(name, privateKey) {
      if (onTrial?.name === name) onTrial = undefined
      others = [keyOf(name, privateKey), ...others.filter((other) => other.name !== name)]
      triedAtMs = Number.NEGATIVE_INFINITY
    },
  }
}
