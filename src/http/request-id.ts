/** The id that names one request in the answer, in the log and in a support call. */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Short, and free of anything that could break a log line. */
const acceptable = /^[A-Za-z0-9._-]{1,64}$/

export function newRequestId(): string {
  return randomUUID()
}

/** The caller's own `X-Request-Id` when it is acceptable, else a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id']
  return typeof given === 'string' && acceptable.test(given) ? given : newRequestId()
}
