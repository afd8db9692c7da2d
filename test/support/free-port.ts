/** Ports for servers whose address must be known before they listen, or kept while they are away. */
import { createServer } from 'node:net'

let portsTried = 0

/**
 * Below the range from which systems take ports by themselves, so that nobody takes it meanwhile; other ones for each test
 * process.
 * @param from start of a range of 10,000
 */
export async function findFreePort(from = 10_000): Promise<number> {
  for (;;) {
    const port = from + ((process.pid * 16 + portsTried++) % 10_000)
    if (await isFree(port)) return port
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
