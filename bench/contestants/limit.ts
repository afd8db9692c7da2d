/**
 * The limit: the least that a Node BFF can do for this job. Fastify in front, an undici Pool behind, one call in for one call
 * out; no authentication, no state, no limits, no log. What stays between this and the service is what the service adds.
 */
import fastify from 'fastify'
import { Pool } from 'undici'
import {
  announce,
  type NetworkEnablementAnswer,
  staticJwt,
  toReply,
  upstreamBody,
  upstreamOrigin,
} from './settings.ts'

const pool = new Pool(upstreamOrigin, { connections: 512 })
const app = fastify()

app.post<{ Body: { phone_number: string } }>('/v1/network-enablement', async ({ body }) => {
  const answer = await pool.request({
    method: 'POST',
    path: '/v0.1/network-enablement',
    headers: { authorization: `Bearer ${staticJwt}`, 'content-type': 'application/json' },
    body: JSON.stringify(upstreamBody(body.phone_number)),
  })
  return toReply((await answer.body.json()) as NetworkEnablementAnswer)
})

announce(await app.listen({ host: '127.0.0.1', port: 0 }))
