/** A process that opens the service with the smallest settings and prints, as JSON, the CommonJS packages that it then has loaded. */
import { createRequire } from 'node:module'
import { openService } from '../../src/compose.ts'
import { parseConfig } from '../../src/config.ts'
import { listeningSettings } from './environment.ts'

const settings = listeningSettings({ LOG_LEVEL: 'silent' })
const service = await openService(parseConfig(settings))
const packages = Object.keys(createRequire(import.meta.url).cache).flatMap(
  (file) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? [],
)
process.stdout.write(JSON.stringify([...new Set(packages)]))
await service.close()
