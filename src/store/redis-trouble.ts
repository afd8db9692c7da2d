/**
 * What is wrong with Redis, in words that may be logged: the first word of an error answer, which Redis fixes, and what to do about it. The
 * rest of an answer may quote a key, and ioredis hangs the command on the error, which at login holds the password.
 */
import { ServiceFailure } from '../core/failures.ts'
import { createOnceAMinute } from '../core/once-a-minute.ts'
import type { Clock } from '../core/ports.ts'

const noConnection = 'no connection'

/** By the first word of Redis's answer. */
const remedies: Readonly<Record<string, string>> = {
  WRONGPASS: 'user or password in REDIS_URL are not accepted',
  NOAUTH: 'REDIS_URL needs a password',
  NOPERM: 'the user of REDIS_URL lacks rights; docs/state.md lists them',
  OOM: 'Redis is full: new verifications are refused, live ones can be finished',
  MOVED: 'REDIS_URL names one node of a cluster; set REDIS_CLUSTER=true',
  CLUSTERDOWN: 'the cluster does not serve all slots',
  READONLY: 'REDIS_URL names a replica, which may not be written',
  LOADING: 'Redis is reading its data',
  MISCONF: 'Redis cannot save its data and refuses writes',
  ERR: 'Redis does not know a command or takes no more clients; it must be 6.2 or later',
}

export interface RedisTrouble {
  /** `WRONGPASS`, `ECONNREFUSED`, `timeout`: from a closed set of Redis's, the system's and our words. */
  reason: string
  /** What to do, where it is known. */
  remedy?: string
}

/** @param error of ioredis, or a group of such */
export function describeTrouble(error: unknown): RedisTrouble {
  const { name, message, code, lastNodeError, errors } = error as Error & {
    code?: unknown
    /** Of a cluster that could not be reached. */
    lastNodeError?: unknown
    errors?: unknown[]
  }
  const inner = lastNodeError ?? errors?.[0]
  if (inner !== undefined) return describeTrouble(inner)
  const word = name === 'ReplyError' ? /^([A-Z]+)(?: |$)/.exec(message)?.[1] : undefined
  if (word !== undefined) return { reason: word, ...(remedies[word] && { remedy: remedies[word] }) }
  if (typeof code === 'string') return { reason: code }
  return { reason: message === 'Command timed out' ? 'timeout' : noConnection }
}

/** @returns what tells of an error, of each reason once a minute at most; of calls without a connection not: its own error says why */
export function createTroubleReport(
  clock: Clock,
  tell: (trouble: RedisTrouble) => void,
): (error: unknown) => void {
  const isDue = createOnceAMinute(clock)
  return (error) => {
    const trouble = describeTrouble(error)
    if (trouble.reason !== noConnection && isDue(trouble.reason)) tell(trouble)
  }
}

/** @returns what makes `store_unavailable` of a failed command, and reports it */
export function createOrUnavailable(
  onFailure: (error: unknown) => void = () => undefined,
): <T>(answer: Promise<T>) => Promise<T> {
  return (answer) =>
    answer.catch((cause: unknown) => {
      onFailure(cause)
      throw new ServiceFailure('store_unavailable', { cause, note: describeTrouble(cause).reason })
    })
}
