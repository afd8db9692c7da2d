/** The whole job as an app does it that knows nothing but the API document: by the client that is generated from it. */
import createClient from 'openapi-fetch'
import type { components, paths } from '../../client/api.ts'
import { type Landing, openAuthUrl, type World } from './service.ts'

type Problem = components['schemas']['Problem']

/** What an app does next: the known next actions, and what stands for all that come later. */
const nextSteps: Record<string, string> = {
  fix_request: 'fix_request',
  ask_again: 'ask_again',
  sign_in: 'sign_in',
  retry: 'retry',
  start_again: 'start_again',
  use_fallback: 'use_fallback',
}

export interface ClientFlow {
  live: boolean
  ready: boolean
  requiresCarrierNetwork: boolean
  phoneNumber: string
  verified: boolean
  /** What the app does after it sent a used state with another code. */
  afterReplay: string
  replay: Problem
  /** Of the answer to the start. */
  requestId: string | null
}

/** @param baseUrl of the service, or of a proxy before it that holds every message against the document */
export async function runClientFlow(world: World, baseUrl: string, phoneNumber: string): Promise<ClientFlow> {
  const client = createClient<paths>({ baseUrl })
  const headers = { authorization: `Bearer ${await world.tokenOf('alice')}` }
  const live = await client.GET('/livez')
  const ready = await client.GET('/readyz')

  const started = await client.POST('/v1/network-enablement', {
    headers,
    params: { header: { 'X-Request-Id': 'an-app-1' } },
    body: { phone_number: phoneNumber },
  })
  if (!started.data) throw unexpected(started.error)
  const { code, state } = (await openAuthUrl(started.data.auth_url)).body as Landing
  // The device has been there; once more, since it finishes nothing, to see its answer through this client too.
  const landed = await client.GET('/v1/network-enablement/callback', { params: { query: { code, state } } })
  if (!landed.data) throw unexpected(landed.error)

  const finished = await client.POST('/v1/number-verification', { headers, body: landed.data })
  if (!finished.data) throw unexpected(finished.error)
  const replayed = await client.POST('/v1/number-verification', { headers, body: { code: 'another', state } })
  if (!replayed.error) throw new Error('a used state was taken again')
  return {
    live: live.data?.status === 'ok',
    ready: ready.data?.status === 'ok',
    requiresCarrierNetwork: started.data.requires_carrier_network,
    phoneNumber: finished.data.phone_number,
    verified: finished.data.phone_number_verified,
    afterReplay: nextSteps[replayed.error.next_action] ?? 'give_up',
    replay: replayed.error,
    requestId: started.response.headers.get('X-Request-Id'),
  }
}

function unexpected({ code, detail }: Problem): Error {
  return new Error(`${code}: ${detail}`)
}
