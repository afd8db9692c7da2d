/**
 * A few words for each request of a verification, for people who watch: the phone page and the demo.
 * Pure.
 */

import type { Hop } from './hops.ts'
import type { Step } from './phone.ts'

const captions: ReadonlyArray<{ path: RegExp; caption: string; ofAttacker?: string }> = [
  {
    path: /^\/token$/,
    caption: 'Sign in at the identity provider',
    ofAttacker: 'Sign in to an account of their own',
  },
  { path: /^\/v1\/network-enablement$/, caption: 'Start' },
  { path: /^\/v0\.1\/network-enablement$/, caption: 'Ask the network for a URL' },
  { path: /^\/v1\/sms-verification$/, caption: 'Ask for a code by SMS' },
  { path: /^\/v2\/verify$/, caption: 'Begin a verification' },
  { path: /^\/v2\/verify\/[^/]+$/, caption: 'Check the code' },
  { path: /^\/v2\/verify\/[^/]+\/next_workflow$/, caption: 'Go on to the SMS' },
  { path: /^\/v2\/verify\/[^/]+\/silent-auth\/redirect$/, caption: 'Open the auth_url' },
  { path: /^\/carrier\/line$/, caption: 'The carrier looks at the line' },
  { path: /^\/v2\/verify\/[^/]+\/silent-auth\/result$/, caption: 'Back at Vonage: the code for this phone' },
  { path: /^\/oauth2\/auth$/, caption: 'Open the auth_url' },
  { path: /^\/carrier\/identify$/, caption: 'The carrier looks at the line' },
  { path: /^\/carrier\/consent$/, caption: 'The carrier checks consent' },
  { path: /^\/oauth2\/callback$/, caption: 'Back at Vonage' },
  { path: /^\/oauth2\/token$/, caption: 'Exchange the code' },
  { path: /^\/camara\//, caption: 'Does the line have this number?' },
  { path: /\/callback$/, caption: 'Landing page: code and state for this phone' },
  {
    path: /^\/v1\/number-verification$/,
    caption: 'Finish',
    ofAttacker: 'Try to collect, with the stolen code and state',
  },
]

/** What the request is about. */
export function captionOf({ from, path, status, to, headers }: (Step | Hop) & { headers?: unknown }): string {
  if (to === 'elsewhere') return 'A foreign host: the simulated phone stays here'
  const row = captions.find((candidate) => candidate.path.test(path))
  if (!row) return 'A further hop'
  if (from === 'attacker') return row.ofAttacker ?? row.caption
  if (path.endsWith('/v1/network-enablement/callback') && status !== 200)
    return 'Landing page: the network said no'
  const network = (headers as Record<string, string> | undefined)?.['x-simulated-network']
  if (network) return `${row.caption} over ${network === 'wifi' ? 'Wi-Fi' : 'cellular'}`
  return row.caption
}
