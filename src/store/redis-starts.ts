/**
 * The starts under way of all replicas. They are looked for by caller and number, so name and seal both come from keyed digests of these:
 * a reader of Redis learns nothing, and replicas with different private keys do not find each other's.
 */
import { Type } from '@sinclair/typebox'
import { TypeCompiler } from '@sinclair/typebox/compiler'
import type { PhoneNumber } from '../core/phone-number.ts'
import type { KindUnderWay, StartsUnderWay } from '../core/ports.ts'
import type { RedisClient } from './redis-client.ts'
import { createOrUnavailable } from './redis-trouble.ts'
import { placeOf, seal, unseal } from './sealed.ts'

const form = TypeCompiler.Compile(Type.Object({ r: Type.String(), u: Type.Optional(Type.String()) }))

export interface RedisStartsOptions {
  client: RedisClient
  digest: (text: string) => string
  /** Called for every command that failed. */
  onFailure?: (error: unknown) => void
}

export function createRedisStarts({ client, digest, onFailure }: RedisStartsOptions): StartsUnderWay {
  const orUnavailable = createOrUnavailable(onFailure)

  const namesOf = (kind: KindUnderWay, subject: string, phoneNumber: PhoneNumber) =>
    placeOf(digest, 'nebff:start', kind, subject, phoneNumber)

  return {
    async keep(kind, subject, phoneNumber, { requestId, authUrl }, lifetimeSeconds) {
      const { key, secret } = namesOf(kind, subject, phoneNumber)
      const sealed = seal('start', secret, { r: requestId, u: authUrl })
      await orUnavailable(client.set(key, sealed, 'EX', lifetimeSeconds))
    },
    async find(kind, subject, phoneNumber) {
      const { key, secret } = namesOf(kind, subject, phoneNumber)
      const sealed = await orUnavailable(client.get(key))
      const value = sealed === null ? undefined : unseal('start', secret, sealed)
      if (!form.Check(value)) return undefined
      return { requestId: value.r, ...(value.u !== undefined && { authUrl: value.u }) }
    },
    async drop(kind, subject, phoneNumber) {
      await orUnavailable(client.del(namesOf(kind, subject, phoneNumber).key))
    },
  }
}
