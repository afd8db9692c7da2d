/**
 * Lines on their way to a stream, which never wait for its reader: what the system does not take at once is kept up to a bound, and
 * beyond it lines are dropped and counted. A reader that has gone, or a full disk, costs lines and nothing else.
 */
import type { Writable } from 'node:stream'

/** Written when this much has gathered: a write per line costs up to a quarter of the throughput. */
const chunkLength = 4096
/** What may wait for the reader, in characters: ten seconds at 300 requests a second. */
const maxWaitingLength = 1024 * 1024
/** A reader that reads nothing holds the end of the process no longer than this. */
const closeTimeoutMs = 1000

export interface LineBufferOptions {
  output: Writable
  /** So many lines more are lost. Each line is either written to the system or counted here, once. */
  onDropped: (lines: number) => void
  /** Everything that waited has been read: so many lines were lost since it was so before. */
  onRecovered: (lines: number) => void
}

export interface LineBuffer {
  /** @param line with its newline */
  write(line: string): void
  /** Hands over what has gathered. */
  flush(): void
  /** Resolves when the system has taken everything, or after a second. */
  close(): Promise<void>
}

export function createLineBuffer({ output, onDropped, onRecovered }: LineBufferOptions): LineBuffer {
  let gathered = ''
  let gatheredLines = 0
  let waitingLength = 0
  let dropped = 0
  const emptied = Promise.withResolvers<void>()
  let closing = false

  function drop(lines: number): void {
    dropped += lines
    onDropped(lines)
  }

  function flush(): void {
    if (gathered === '') return
    const { length } = gathered
    const lines = gatheredLines
    waitingLength += length
    output.write(gathered, (error) => {
      waitingLength -= length
      if (error) drop(lines)
      else if (waitingLength === 0) recover()
      if (closing && waitingLength === 0) emptied.resolve()
    })
    gathered = ''
    gatheredLines = 0
  }

  function recover(): void {
    if (dropped === 0) return
    const lines = dropped
    dropped = 0
    onRecovered(lines)
  }

  // Once for all buffers of an output. Each failed write has told its lines already.
  output.off('error', ignore).on('error', ignore)

  return {
    write(line) {
      if (waitingLength >= maxWaitingLength) return drop(1)
      gathered += line
      gatheredLines++
      if (gathered.length >= chunkLength) flush()
    },
    flush,
    async close() {
      closing = true
      flush()
      if (waitingLength === 0) return
      const timer = setTimeout(emptied.resolve, closeTimeoutMs)
      await emptied.promise
      clearTimeout(timer)
    },
  }
}

function ignore(): void {}
