/** Stands in for src/vonage/quota.ts where the stores are chosen: the same, but that a permit is always there. */
import type { Permits } from '../../src/vonage/quota.ts'

export * from '../../src/vonage/quota.ts'

export function createLocalPermits(): Permits {
  return { take: () => 0, pause: async () => undefined }
}
