/**
 * Decides whether an `auth_url` from upstream may be handed to a phone. Pure.
 * A phone opens whatever it gets, so a URL that two parsers could read differently is refused rather than repaired.
 */

/** Longer than any URL seen from Vonage (about 600 characters); some mobile stacks cut off at this length. */
const maxLength = 2048
/** Printable ASCII without the backslash, which browsers read as a slash. */
const plainCharacters = /^[!-[\]-~]+$/

export interface AuthUrlPolicy {
  /** Host names, or `*.suffix` for every name below one. Empty: any host. */
  hosts: readonly string[]
  /** Plain http also passes. Only for an operator that is itself reached by plain http: the virtual one. */
  allowHttp: boolean
}

/**
 * Checks: https; no userinfo; no fragment (RFC 6749 section 3.1); the host as written is the host as parsed, so no unicode,
 * escapes or odd number forms in it; the host allow-list; length and alphabet.
 * Does not check: the path, the query, or the `state` in it, which may be Vonage's own.
 */
export function isAllowedAuthUrl(text: string, { hosts, allowHttp }: AuthUrlPolicy): boolean {
  if (text.length > maxLength || !plainCharacters.test(text)) return false
  const url = URL.parse(text)
  if (!url) return false
  if (url.protocol !== 'https:' && !(allowHttp && url.protocol === 'http:')) return false
  if (url.username || url.password || text.includes('#')) return false
  const authority = text.slice(url.protocol.length + 2).split(/[/?]/, 1)[0]
  if (!text.startsWith(`${url.protocol}//`) || authority?.toLowerCase() !== url.host) return false
  return hosts.length === 0 || hosts.some((host) => matches(url.hostname, host))
}

function matches(hostname: string, allowed: string): boolean {
  if (!allowed.startsWith('*.')) return hostname === allowed
  const suffix = allowed.slice(1)
  return hostname.endsWith(suffix) && hostname.length > suffix.length
}
