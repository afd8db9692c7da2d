/**
 * The log: JSON lines on standard output. What is written is decided where it is written; nothing here sees a request.
 */
import { type DestinationStream, type Logger, pino } from 'pino'
import type { EventSink } from '../core/events.ts'
import { createLineBuffer } from './line-buffer.ts'

const flushIntervalMs = 200

export interface LogOptions {
  /** A pino level name, or `silent`. */
  level: string
  stream: DestinationStream & { flush?(): void; close?(): Promise<void> }
}

export interface Log {
  logger: Logger
  /** Writes out what is buffered. */
  flush(): void
  /** The same for the last time, and stops the timer that does so. Resolves when all is written, or cannot be in time. */
  close(): Promise<void>
}

/** The log of the process, on standard output, be it a file, a pipe or a terminal. Nothing ever waits for who reads it. */
export function openLog({ level, events }: { level: string; events: EventSink }): Log {
  const output: NodeJS.WriteStream & Terminal = process.stdout
  // Node makes a terminal wait for its reader. Of pipes nothing waits, and files take what comes.
  output._handle?.setBlocking?.(false)
  const log: Log = createLog({
    level,
    stream: createLineBuffer({
      output,
      onDropped: (count) => events({ name: 'log.dropped', count }),
      onRecovered: (count) => log.logger.warn({ dropped: count }, 'log lines were dropped'),
    }),
  })
  return log
}

/** What Node does not document, and all of its streams of terminals have. */
interface Terminal {
  _handle?: { setBlocking?(blocking: boolean): void }
}

export function createLog({ level, stream }: LogOptions): Log {
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
  const flush = () => stream.flush?.()
  const timer = setInterval(flush, flushIntervalMs).unref()
  return {
    logger,
    flush,
    async close() {
      clearInterval(timer)
      flush()
      await stream.close?.()
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

/** A cause may name its error again, and a log line that cannot be made would end the process. */
const maxCauses = 5

/** An error without its message, which may quote what a phone sent: name, code, where, and the same of its cause. */
export function describeError(error: unknown, causes = maxCauses): object | undefined {
  if (!(error instanceof Error) || causes < 0) return undefined
  return {
    name: error.name,
    code: 'code' in error ? error.code : undefined,
    stack: error.stack?.split('\n').flatMap((line) => /^\s+at (.*)/.exec(line)?.[1] ?? []),
    cause: describeError(error.cause, causes - 1),
  }
}
