/** What every contestant is told, and how it says that it listens. */
export const upstream = `${process.env.UPSTREAM_URL}/v0.1/network-enablement`
export const upstreamOrigin = String(process.env.UPSTREAM_URL)
export const issuer = String(process.env.ISSUER)
export const audience = String(process.env.AUDIENCE)
export const applicationId = String(process.env.APPLICATION_ID)
export const privateKey = String(process.env.PRIVATE_KEY)
/** For those that do not sign. */
export const staticJwt = String(process.env.STATIC_JWT)
export const scope = String(process.env.SCOPE)

export interface NetworkEnablementAnswer {
  scopes: Record<string, { auth_url: string; requires_carrier_network: boolean }>
}

export function upstreamBody(phoneNumber: string) {
  return { phone_number: phoneNumber, scopes: [scope], state: 'a-state-that-nobody-keeps' }
}

export function toReply({ scopes }: NetworkEnablementAnswer) {
  const { auth_url, requires_carrier_network } = scopes[scope] as NetworkEnablementAnswer['scopes'][string]
  return { auth_url, requires_carrier_network }
}

export function announce(url: string): void {
  // By the signal alone the process would end without its profile.
  process.once('SIGTERM', () => process.exit())
  process.stdout.write(`${JSON.stringify({ msg: 'listening', url })}\n`)
}

/** What the service does for a start besides what the limit does. */
export const duties = ['token', 'limits', 'state', 'deadline', 'url', 'headers', 'log', 'metrics'] as const
