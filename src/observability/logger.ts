/**
 * The log: JSON lines on standard output. What is written is decided where it is written; nothing here sees a request.
 */
import { type DestinationStream, destination, type Logger, pino } from 'pino'

/** Written when this much has gathered: a write per line costs up to a quarter of the throughput. */
const bufferBytes = 4096
const flushIntervalMs = 200

export interface LogOptions {
  /** A pino level name, or `silent`. */
  level: string
  /** Default: standard output, buffered. */
  stream?: DestinationStream & { flush?(): void }
}

export interface Log {
  logger: Logger
  /** Writes out what is buffered. */
  flush(): void
  /** The same for the last time, and stops the timer that does so. */
  close(): void
}

export function createLog({ level, stream = bufferedStandardOutput() }: LogOptions): Log {
  const logger = pino(
    {
      level,
      base: null,
      timestamp: createTimestamp(),
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: describeError },
    },
    stream,
  )
  // Not flushSync: it tries for ever when nobody reads any more. This one also writes at once, since the stream is synchronous.
  const flush = () => stream.flush?.()
  const timer = setInterval(flush, flushIntervalMs).unref()
  return {
    logger,
    flush,
    close() {
      clearInterval(timer)
      flush()
    },
  }
}

/** Lines of the same millisecond, of which there are some under load, share the text. */
function createTimestamp(): () => string {
  let atMs = 0
  let text = ''
  return () => {
    const nowMs = Date.now()
    if (nowMs !== atMs) {
      atMs = nowMs
      text = `,"time":"${new Date(nowMs).toISOString()}"`
    }
    return text
  }
}

function bufferedStandardOutput() {
  return destination({ fd: process.stdout.fd, sync: true, minLength: bufferBytes })
}

/** An error without its message, which may quote what a phone sent: name, code, where, and the same of its cause. */
export function describeError(error: unknown): object | undefined {
  if (!(error instanceof Error)) return undefined
  return {
    name: error.name,
    code: 'code' in error ? error.code : undefined,
    stack: error.stack?.split('\n').flatMap((line) => /^\s+at (.*)/.exec(line)?.[1] ?? []),
    cause: describeError(error.cause),
  }
}
