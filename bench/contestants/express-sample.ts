/**
 * After the idea of the vendor's sample: Express 4, the global `fetch`, one application JWT made beforehand, and nobody asks
 * the caller who they are.
 */
import express from 'express4'
import {
  announce,
  type NetworkEnablementAnswer,
  staticJwt,
  toReply,
  upstream,
  upstreamBody,
} from './settings.ts'

const app = express()
app.use(express.json())

app.post('/v1/network-enablement', async (request, response) => {
  try {
    const answer = await fetch(upstream, {
      method: 'POST',
      headers: { Authorization: `Bearer ${staticJwt}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(upstreamBody(request.body.phone_number)),
    })
    response.json(toReply((await answer.json()) as NetworkEnablementAnswer))
  } catch {
    response.status(500).json({ error: 'the call failed' })
  }
})

const server = app.listen(0, '127.0.0.1', () => announce(`http://127.0.0.1:${server.address().port}`))
