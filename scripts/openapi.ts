/**
 * Writes openapi/openapi.json from the route schemas, offline. With `--check` it only compares, and exits 1 when the
 * committed document is not what the code says, or the client's types were not made from it.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeServer } from '../src/http/server.ts'
import { isClientOf } from './client.ts'

const file = join(import.meta.dirname, '../openapi/openapi.json')

/** The routes are described, never called. */
const uncalled = () => Promise.reject(new Error('not called'))
const described = await describeServer(
  {
    verification: { start: uncalled, land: () => undefined, finish: uncalled, sendCode: uncalled },
    accessTokens: { verify: uncalled },
    rateLimits: {
      counters: { hit: uncalled, admit: uncalled },
      digest: String,
      addressPerMinute: 0,
      callerPerMinute: 0,
      numberPerHour: 0,
      distinctNumbersPerDay: 0,
      smsPerNumberPerHour: 0,
      events: () => undefined,
    },
    keySet: () => ({ keys: [] }),
    checkReady: uncalled,
    isDraining: () => false,
    requestTimeoutMs: 1000,
    maxHeadBytes: 8192,
    keepAliveTimeoutMs: 1000,
    log: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
    events: () => undefined,
  },
  'https://bff.example',
)
const document = `${JSON.stringify(described, null, 2)}\n`

if (!process.argv.includes('--check')) writeFileSync(file, document)
else if (readFileSync(file, 'utf8') !== document || !isClientOf(document)) {
  process.stderr.write(
    'openapi/openapi.json or client/api.ts is not what the code says. Run: npm run openapi\n',
  )
  process.exitCode = 1
}
