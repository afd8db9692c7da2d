/**
 * A small client for Verify v2 at the simulator: each call of the service, and the device's URL, over real sockets.
 */

import type { Simulator } from '../../../simulator/simulator.ts'
import { applicationJwt } from '../harness.ts'

export interface Answer {
  status: number
  /** Status and result or error name, `unreadable` for what is not JSON, `cut` for none. */
  text: string
  headers: Headers
  body: Record<string, string> | undefined
}

/** A workflow as the service sends it: silent authentication and SMS, or the channels given. */
export function workflowOf(phoneNumber: string, channels: string[] = ['silent_auth', 'sms']) {
  return { brand: 'Acme', workflow: channels.map((channel) => ({ channel, to: phoneNumber.slice(1) })) }
}

/** Sends one call of the service, with a good application JWT unless another header is given. */
export async function call(
  simulator: Simulator,
  path: string,
  body?: unknown,
  options: { method?: string; authorization?: string } = {},
): Promise<Answer> {
  const authorization = options.authorization ?? (await applicationJwt(simulator))
  return readAnswer(() =>
    fetch(`${simulator.operatorUrl}/v2/verify${path}`, {
      method: options.method ?? 'POST',
      redirect: 'manual',
      headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    }),
  )
}

/** Opens a `check_url` as a device and follows the redirects; gives the last answer. */
export async function openCheckUrl(checkUrl: string, headers: Record<string, string> = {}): Promise<Answer> {
  return readAnswer(() => fetch(checkUrl, { headers }))
}

async function readAnswer(send: () => Promise<Response>): Promise<Answer> {
  const response = await send().catch(() => undefined)
  const text = await response?.text().catch(() => undefined)
  if (!response || text === undefined)
    return { status: 0, text: 'cut', headers: new Headers(), body: undefined }
  const { status, headers } = response
  const body = headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined
  const retryAfter = headers.has('retry-after') ? `, Retry-After ${headers.get('retry-after')}` : ''
  const result = body
    ? (body.invalid_parameters?.[0].name ?? body.type?.split('#')[1] ?? body.status)
    : `unreadable${retryAfter}`
  return { status, text: `${status} ${result}`, headers, body }
}
