/**
 * The generated client's whole flow, through prism as a proxy that refuses every request and answer that is not in the API document.
 * Installs the tools of client/ when they are not there; a few seconds otherwise.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { findFreePort } from '../test/support/free-port.ts'
import { runClientFlow } from '../test/support/generated-client.ts'
import { openWorld } from '../test/support/service.ts'
import { installClientTools } from './client.ts'

const root = join(import.meta.dirname, '..')
const startTimeoutMs = 20_000

installClientTools()
const closing: (() => Promise<void>)[] = []
const world = await openWorld((close) => closing.push(close))
const port = await findFreePort()
const prism = spawn(
  process.execPath,
  [
    'client/node_modules/@stoplight/prism-cli/dist/index.js',
    'proxy',
    'openapi/openapi.json',
    world.service.url,
    '--errors',
    '--port',
    String(port),
  ],
  { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] },
)
try {
  const signal = AbortSignal.timeout(startTimeoutMs)
  for await (const line of createInterface({ input: prism.stdout, signal })) {
    if (line.includes('Prism is listening')) break
  }
  prism.stdout.resume()
  for (const phoneNumber of ['+99012345678', '+99012345677']) {
    const { verified, afterReplay, replay } = await runClientFlow(
      world,
      `http://127.0.0.1:${port}`,
      phoneNumber,
    )
    process.stdout.write(
      `${phoneNumber}: verified ${verified}; a replay is ${replay.code}, so ${afterReplay}\n`,
    )
    if (verified !== phoneNumber.endsWith('8') || afterReplay !== 'start_again') process.exitCode = 1
  }
} finally {
  prism.kill()
  await once(prism, 'exit')
  for (const close of closing) await close()
}
