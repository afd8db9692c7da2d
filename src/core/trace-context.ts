/**
 * What names one request across systems. Pure.
 * @see W3C Trace Context, section 3.2
 */

/** Version 00: trace id, parent id, flags. */
const traceparentForm = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/
const zeros = /^0+$/

export interface Correlation {
  /** Ours, or the caller's own; sent to CAMARA as `x-correlator`. */
  readonly requestId: string
  /** The caller's, passed on as it came. */
  readonly traceparent?: string
}

/** All in hexadecimal digits, as they stand in `traceparent`: 32, 16 and 2. */
export interface TraceContext {
  traceId: string
  parentId: string
  flags: string
}

/** @returns undefined for what is not well-formed, and for ids that are all zeros */
export function parseTraceparent(traceparent: unknown): TraceContext | undefined {
  if (typeof traceparent !== 'string') return undefined
  const [, traceId, parentId, flags] = traceparentForm.exec(traceparent) ?? []
  if (!traceId || !parentId || !flags || zeros.test(traceId) || zeros.test(parentId)) return undefined
  return { traceId, parentId, flags }
}
