/** What counts as one client address: an IPv4 address, or the /64 network that an IPv6 client may take any address from. */

export function addressGroup(address: string): string {
  // Some proxies write the client's port behind its address.
  const ipv4 = /^(?:::ffff:)?([\d.]+)(?::\d+)?$/i.exec(address)?.[1]
  if (ipv4) return ipv4
  if (!address.includes(':')) return address
  const [head = '', tail] = address.split('::', 2)
  const groups = head.split(':')
  if (tail !== undefined) {
    const after = tail.split(':')
    groups.push(...Array.from({ length: 8 - groups.length - after.length }, () => '0'), ...after)
  }
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group || '0', 16).toString(16))
    .join(':')
}
