/** URLs that an operator may name for something that this service calls. */

/** https, or plain http where nobody can listen in or the operator said so. */
export function isUpstreamUrl(text: string, allowHttp: boolean): boolean {
  return upstreamUrlFault(text, allowHttp) === undefined
}

/** @returns what is wrong with it and what to do, without a piece of it; undefined: it may be used */
export function upstreamUrlFault(text: string, allowHttp: boolean): string | undefined {
  if (!URL.canParse(text)) return 'expected a URL: give all of it, from https:// on'
  const { protocol, hostname, username, password, hash } = new URL(text)
  if (username || password) return 'expected a URL without user and password: remove what stands before the @'
  if (hash) return 'expected a URL without a fragment: remove the # and what follows'
  if (protocol === 'https:') return undefined
  if (protocol !== 'http:')
    return `expected an ${allowHttp ? 'http or https' : 'https'} URL: no other scheme is spoken here`
  const loopback = hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
  if (loopback || allowHttp) return undefined
  return 'expected https: plain http is for loopback, or for a network of your own with ALLOW_INSECURE_UPSTREAM=true'
}
