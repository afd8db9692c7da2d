/**
 * The service in a process of its own under generated requests: it never fails, never takes long, never logs an error, and every
 * answer is one that its API document tells of.
 */

import { setTimeout as wait } from 'node:timers/promises'
import fc from 'fast-check'
import { assertDocumented, documentedRoutes } from './api-document.ts'
import { openIdentityProvider, start } from './app-client.ts'
import { startFaultServer, stateIn } from './fault-server.ts'
import { bytesOf, type GeneratedRequest, requestsFor, stateMark, tokenMark } from './generated-requests.ts'
import { must } from './must.ts'
import type { Owner } from './public-server.ts'
import { type RawAnswer, speak } from './raw-http.ts'
import { openServiceProcess } from './service-process.ts'
import { unlimited } from './upstream.ts'

const longMs = 1000
/** Served inside, and not part of the API. */
const insideRoutes = [
  'GET /livez',
  'GET /readyz',
  'GET /metrics',
  'GET /openapi.json',
  'GET /docs',
  'GET /docs/',
  'GET /docs/static/index.html',
  'GET /docs/static/x',
  'GET /nowhere',
]

export interface Fuzz {
  /** Such as `inside GET /livez`. */
  routes: readonly string[]
  /** @returns how many answers had each status */
  fuzz(route: string, options: { runs: number; seed: number }): Promise<Record<string, number>>
  /** What the service printed, once it is closed. */
  close(): Promise<string>
}

export async function openFuzz(owner: Owner): Promise<Fuzz> {
  const services = await openServiceProcess()
  owner.teardown(() => services.close())
  const idp = await openIdentityProvider(owner)
  const vonage = await startFaultServer(owner)
  const { url, managementUrl } = await services.open({
    ...idp.settings,
    ...unlimited,
    LOG_LEVEL: 'error',
    VONAGE_API_URL: vonage.url,
    VONAGE_TOKEN_URL: `${vonage.url}/oauth2/token`,
    VONAGE_VERIFY_URL: vonage.url,
    VONAGE_BRAND: 'Acme',
    SMS_FALLBACK: 'true',
  })
  const token = idp.tokenOf('alice')

  async function send(listener: string, request: GeneratedRequest): Promise<RawAnswer[]> {
    const asksForState = request.body.includes(stateMark) || request.target.includes(stateMark)
    const state = asksForState ? stateIn((await start(url, '+99012345678', { token })).body) : ''
    const fill = (text: string) => text.replaceAll(tokenMark, token).replaceAll(stateMark, state)
    const answers = await speak(listener, Buffer.from(bytesOf(request, fill), 'latin1'))
    if (!answers.some(({ status, body }) => status === 503 && body.includes('"overloaded"'))) return answers
    await wait(50)
    return send(listener, request)
  }

  async function check(listener: string, request: GeneratedRequest, again = false): Promise<number[]> {
    const beganMs = performance.now()
    const answers = (await send(listener, request)).filter(({ status }) => status >= 200)
    // Twice in a row it is not the machine.
    const took = performance.now() - beganMs
    if (took > longMs && !again) return check(listener, request, true)
    must(took <= longMs, `took ${took} ms`)
    must(answers.length > 0, 'no answer')
    for (const answer of answers) {
      must(answer.status !== 500)
      const isPage = listener === managementUrl && answer.status < 400
      if (!isPage) assertDocumented(request.method, request.target, answer)
    }
    return answers.map(({ status }) => status)
  }

  return {
    routes: [
      ...[...documentedRoutes, 'GET /nowhere'].map((route) => `public ${route}`),
      ...insideRoutes.map((route) => `inside ${route}`),
    ],
    async fuzz(name, { runs: numRuns, seed }) {
      const [side, ...route] = name.split(' ')
      const listener = side === 'inside' ? managementUrl : url
      const counts: Record<string, number> = {}
      const property = fc.asyncProperty(requestsFor(route.join(' ')), async (request) => {
        for (const status of await check(listener, request)) counts[status] = (counts[status] ?? 0) + 1
      })
      // A smaller case may take seconds to fail; seed and path find this one again.
      await fc.assert(property, { numRuns, seed, endOnFailure: true })
      return counts
    },
    async close() {
      await services.close()
      return services.output()
    },
  }
}
