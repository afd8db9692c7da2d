/**
 * Assembled from Fastify's well-known plugins, as their documents show them: @fastify/jwt with the keys from get-jwks, and
 * @fastify/reply-from for the call. With TOKEN_CACHE=1 @fastify/jwt remembers verified tokens, which it does not by default.
 */
import { text } from 'node:stream/consumers'
import fastifyJwt from '@fastify/jwt'
import replyFrom from '@fastify/reply-from'
import fastify from 'fastify'
import buildGetJwks from 'get-jwks'
import { announce, audience, issuer, staticJwt, toReply, upstreamBody, upstreamOrigin } from './settings.ts'

const app = fastify()
const getJwks = buildGetJwks({ issuersWhitelist: [issuer] })

await app.register(fastifyJwt, {
  decode: { complete: true },
  secret: (_request, { header: { kid, alg }, payload: { iss } }) =>
    getJwks.getPublicKey({ kid, domain: iss, alg }),
  verify: { allowedIss: issuer, allowedAud: audience, ...(process.env.TOKEN_CACHE && { cache: true }) },
})
await app.register(replyFrom, { base: upstreamOrigin, undici: { connections: 512 } })

app.addHook('onRequest', async (request) => {
  await request.jwtVerify()
})

app.post('/v1/network-enablement', (request, reply) => {
  reply.from('/v0.1/network-enablement', {
    body: upstreamBody(request.body.phone_number),
    rewriteRequestHeaders: () => ({
      authorization: `Bearer ${staticJwt}`,
      'content-type': 'application/json',
    }),
    rewriteHeaders: () => ({}),
    onResponse: async (_request, answer, { stream }) => {
      answer.send(toReply(JSON.parse(await text(stream))))
    },
  })
  return reply
})

announce(await app.listen({ host: '127.0.0.1', port: 0 }))
