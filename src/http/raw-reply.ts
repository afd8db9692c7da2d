/**
 * Answers in bytes that Vonage's mobile libraries can read, which Fastify's own are not: the iOS library looks for
 * `Content-Type: ` with exactly these capitals and reads head and body in one go; a connection that stays open can stall
 * the Android one.
 * @see github.com/Vonage/vonage-ios-client-library and vonage-android-client-library
 */
import type { FastifyReply } from 'fastify'

/** Beside the headers that `reply` already has. The body gets a newline at its end; head and body leave in one write. */
export function sendRaw(
  reply: FastifyReply,
  status: number,
  headers: Record<string, string>,
  json: string,
): FastifyReply {
  const body = `${json}\n`
  reply.hijack()
  reply.raw.writeHead(
    status,
    capitalised({
      ...reply.getHeaders(),
      ...headers,
      'content-length': String(Buffer.byteLength(body)),
      connection: 'close',
    }),
  )
  reply.raw.end(body)
  return reply
}

/** `content-type` becomes `Content-Type`. */
export function capitalised<T>(headers: Record<string, T>): Record<string, T> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.replace(/(^|-)[a-z]/g, (start) => start.toUpperCase()),
      value,
    ]),
  )
}
