/** Opens a listener, and says by which settings it could not. Part of `compose.ts`. */
import type { AddressInfo } from 'node:net'
import type { App } from './http/app.ts'

/** Reasons of the system, by their codes: the setting to change, and what to do. */
const remedies: Record<string, [setting: 'HOST' | 'PORT', remedy: string]> = {
  EADDRINUSE: ['PORT', 'something else listens there: end that, or choose another'],
  EACCES: ['PORT', 'this process may not take it: choose one from 1024 on'],
  EADDRNOTAVAIL: ['HOST', 'it is no address of this machine: choose one, or 0.0.0.0 for all'],
  ENOTFOUND: ['HOST', 'its name has no address: choose an address of this machine, or 0.0.0.0 for all'],
}

/**
 * @param prefix of the settings that the address came from, such as `MANAGEMENT_`
 * @returns where it answers, such as `http://127.0.0.1:3000`
 */
export async function listen(app: App, host: string, port: number, prefix = ''): Promise<string> {
  try {
    await app.listen({ host, port })
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    const [setting, remedy] = remedies[code] ?? ['HOST', 'choose an address of this machine']
    throw new Error(`${prefix}${setting}: cannot listen on ${host} port ${port} (${code}): ${remedy}`)
  }
  const { address, port: taken, family } = app.server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`
}
