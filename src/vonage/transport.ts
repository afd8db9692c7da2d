/**
 * One HTTP origin of Vonage: keep-alive connections, a bounded answer, no redirects, no decompression, no retries.
 * The only place where undici's errors enter; they leave as a value that says what is known, for `wire.ts` to judge.
 *
 * It speaks undici's `dispatch`, one level below `request`: only there can a caller see whether bytes left the process,
 * and give up on a call that still waits for its connection.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import type { Dispatcher } from 'undici'
import Pool from 'undici/lib/dispatcher/pool.js'

/** Real answers are under 2 KiB. */
const maxAnswerBytes = 64 * 1024
/** A connection that takes longer to open would leave too little of the deadline for the answer. */
const connectTimeoutMs = 2000

export interface Request {
  method: 'POST'
  /** Appended to the path of the transport's URL. */
  path: string
  headers: Record<string, string>
  body: string
}

/** An HTTP answer, whatever its status. `text` is the body as UTF-8, at most 64 KiB. */
export interface Answer {
  kind: 'answer'
  status: number
  headers: IncomingHttpHeaders
  text: string
}

export interface NoAnswer {
  /**
   * `unreachable`: no connection. `timeout`: out of time. `cancelled`: given up by the caller. `broken`: something came, or
   * the connection went, but no complete HTTP answer within the bounds.
   */
  kind: 'unreachable' | 'timeout' | 'cancelled' | 'broken'
  /** Vonage surely ran nothing: no byte left, or the kept connection was closed, at its end of life, without a byte back. */
  repeatable: boolean
  cause: unknown
}

export interface Transport {
  /** Never rejects. @param signal the one deadline over everything: queue, connection, head and body */
  send(request: Request, signal: AbortSignal): Promise<Answer | NoAnswer>
  /** Waits for the calls under way. Safe to call twice. */
  close(): Promise<void>
}

export interface TransportOptions {
  /** Such as `https://api-eu.vonage.com`. */
  url: string
  /** Connections at most. HTTP/1.1 carries one call each, so this is also the number of calls in flight. */
  connections: number
}

export function createTransport({ url, connections }: TransportOptions): Transport {
  const { origin, pathname } = new URL(url)
  const basePath = pathname.replace(/\/$/, '')
  const pool = new Pool(origin, {
    connections,
    allowH2: false,
    connect: { timeout: connectTimeoutMs },
    // undici's own timers are coarse, and a drip of bytes resets them.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxResponseSize: maxAnswerBytes,
  })

  return {
    send: (request, signal) =>
      new Promise((resolve) => {
        let controller: Dispatcher.DispatchController | undefined
        let sentOn: SentOn | undefined
        let status = 0
        let headers: IncomingHttpHeaders = {}
        const chunks: Buffer[] = []

        function fail(cause: Error): void {
          signal.removeEventListener('abort', giveUp)
          const kind = kindOfFailure(cause, signal, sentOn)
          resolve({ kind, repeatable: !sentOn || (kind === 'broken' && wasClosedWhileIdle(sentOn)), cause })
        }

        function giveUp(): void {
          fail(signal.reason)
          controller?.abort(signal.reason)
        }

        if (signal.aborted) return giveUp()
        signal.addEventListener('abort', giveUp)
        pool.dispatch(
          {
            method: request.method,
            path: basePath + request.path,
            headers: { ...request.headers, accept: 'application/json', 'accept-encoding': 'identity' },
            body: request.body,
          },
          {
            onRequestStart(started) {
              if (signal.aborted) return started.abort(signal.reason)
              controller = started
              onSending = (socket) => {
                sentOn = { socket, bytesReadBefore: socket.bytesRead }
              }
            },
            onResponseStart(_controller, statusCode, responseHeaders) {
              status = statusCode
              headers = responseHeaders
            },
            onResponseData(_controller, chunk) {
              chunks.push(chunk)
            },
            onResponseEnd() {
              signal.removeEventListener('abort', giveUp)
              resolve({ kind: 'answer', status, headers, text: Buffer.concat(chunks).toString() })
            },
            onResponseError(_controller, error) {
              fail(error)
            },
          },
        )
      }),

    async close() {
      if (!pool.closed) await pool.close()
    },
  }
}

/** The connection that a request went out on. */
interface SentOn {
  socket: Socket
  bytesReadBefore: number
}

/**
 * undici says nowhere else that a request's first byte is about to be written, and on which socket. It says so within the
 * same synchronous call in which it announced the request's start, so one variable is enough to connect the two.
 * @see undici docs, DiagnosticsChannel, `undici:client:sendHeaders`
 */
let onSending: ((socket: Socket) => void) | undefined
subscribe('undici:client:sendHeaders', (message) => {
  onSending?.((message as { socket: Socket }).socket)
  onSending = undefined
})

function kindOfFailure(cause: Error, { aborted, reason }: AbortSignal, sentOn?: SentOn): NoAnswer['kind'] {
  if (aborted) return reason.name === 'TimeoutError' ? 'timeout' : 'cancelled'
  if ('code' in cause && cause.code === 'UND_ERR_CONNECT_TIMEOUT') return 'timeout'
  return sentOn ? 'broken' : 'unreachable'
}

/** It had served before, and nothing came back for this request: the upstream was closing it as the request left. */
function wasClosedWhileIdle({ socket, bytesReadBefore }: SentOn): boolean {
  return bytesReadBefore > 0 && socket.bytesRead === bytesReadBefore
}
