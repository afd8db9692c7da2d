/**
 * The client's address as proxies write it in X-Forwarded-For. What of it is believed is Fastify's business, which knows addresses
 * without ports only.
 */
import type { FastifyInstance } from 'fastify'
import type { RequestLog } from './request-log.ts'

export interface ForwardedOptions {
  trustedProxies?: readonly string[]
  log: Pick<RequestLog, 'warn'>
}

/** For the public listener, before anything asks for a client's address. */
export function readForwarded(app: FastifyInstance, { trustedProxies = [], log }: ForwardedOptions): void {
  if (trustedProxies.length > 0)
    app.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
      const name = 'x-forwarded-for'
      const text = headers[name]
      if (typeof text === 'string') headers[name] = withoutPorts(text)
      done()
    })
  else warnOnce(app, log)
}

/** Anybody can send these headers, so one line is all that they are worth. */
function warnOnce(app: FastifyInstance, log: ForwardedOptions['log']): void {
  let warned = false
  app.addHook('onRequest', ({ headers }, _reply, done) => {
    if (!warned && (headers['x-forwarded-for'] !== undefined || headers.forwarded !== undefined)) {
      warned = true
      log.warn(
        { setting: 'TRUSTED_PROXIES' },
        'forwarded addresses come although no proxy is trusted: behind one, all users share the limit of its address',
      )
    }
    done()
  })
}

/** `[v6]:port`, `[v6]` and `v4:port` become the address. An entry that is none of these stays as it is. */
export function withoutPorts(forwardedFor: string): string {
  return forwardedFor
    .replace(/\[([^[\],]*)\](?::\d+)?/g, '$1')
    .replace(/((?:\d{1,3}\.){3}\d{1,3}):\d+/g, '$1')
}
