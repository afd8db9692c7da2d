/**
 * What a team would write first: Express 5, Auth0's middleware for the access token, and Vonage's own package for the
 * application JWT. `createBearerHeader` signs a new JWT each time, which is what Vonage's clients call for each request.
 */
import { Auth } from '@vonage/auth'
import express from 'express'
import { auth } from 'express-oauth2-jwt-bearer'
import {
  announce,
  applicationId,
  audience,
  issuer,
  type NetworkEnablementAnswer,
  privateKey,
  toReply,
  upstream,
  upstreamBody,
} from './settings.ts'

const vonage = new Auth({ applicationId, privateKey })
const app = express()
app.use(express.json())
app.use(auth({ issuerBaseURL: issuer, audience, tokenSigningAlg: 'RS256' }))

app.post('/v1/network-enablement', async (request, response) => {
  const answer = await fetch(upstream, {
    method: 'POST',
    headers: { authorization: await vonage.createBearerHeader(), 'content-type': 'application/json' },
    body: JSON.stringify(upstreamBody(request.body.phone_number)),
  })
  response.json(toReply((await answer.json()) as NetworkEnablementAnswer))
})

const server = app.listen(0, '127.0.0.1', () => announce(`http://127.0.0.1:${server.address().port}`))
