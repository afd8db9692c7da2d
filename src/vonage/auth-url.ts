/**
 * Decides whether an `auth_url` from upstream may be handed to a phone. Pure.
 * A phone opens whatever it gets, so a URL that two parsers could read differently is refused rather than repaired.
 */

/** Longer than any URL seen from Vonage (about 600 characters); some mobile stacks cut off at this length. */
const maxLength = 2048
/** Printable ASCII without the backslash, which browsers read as a slash, and without a fragment (RFC 6749 section 3.1). */
const plainCharacters = /^[!"$-[\]-~]+$/
const loopbackHost = /^(?:localhost|\[::1\]|127(?:\.\d{1,3}){3})$/
const origin = /^(https?:)\/\/([^/?]+)/

export interface AuthUrlPolicy {
  /** Host names, or `*.suffix` for every name below one. Empty: any host. */
  hosts: readonly string[]
  /** To which hosts plain http also passes. */
  http: 'none' | 'loopback' | 'any'
}

export interface AuthUrlPolicyOptions {
  hosts: readonly string[]
  /** Only an operator that is itself reached by plain http, which is the virtual one, may name such a URL at all. */
  apiUrl: string
  /** Then to any host, as in a compose network; else to loopback alone. */
  allowInsecure: boolean
}

export function createAuthUrlPolicy({ hosts, apiUrl, allowInsecure }: AuthUrlPolicyOptions): AuthUrlPolicy {
  if (!apiUrl.startsWith('http:')) return { hosts, http: 'none' }
  return { hosts, http: allowInsecure ? 'any' : 'loopback' }
}

/**
 * Checks: https; no userinfo; no fragment; the host as written is the host as parsed, so no unicode, escapes or odd number forms
 * in it; the host allow-list; length and alphabet.
 * Does not check: the path, the query, or the `state` in it, which may be Vonage's own. They cannot change where the URL leads.
 */
export function isAllowedAuthUrl(text: string, { hosts, http }: AuthUrlPolicy): boolean {
  if (text.length > maxLength || !plainCharacters.test(text)) return false
  const parts = origin.exec(text)
  if (!parts) return false
  const [beginning, protocol, authority] = parts
  const url = URL.parse(beginning)
  if (!url || authority?.toLowerCase() !== url.host) return false
  if (protocol !== 'https:' && http !== 'any' && !(http === 'loopback' && loopbackHost.test(url.hostname)))
    return false
  return hosts.length === 0 || hosts.some((host) => matches(url.hostname, host))
}

function matches(hostname: string, allowed: string): boolean {
  if (!allowed.startsWith('*.')) return hostname === allowed
  const suffix = allowed.slice(1)
  return hostname.endsWith(suffix) && hostname.length > suffix.length
}
