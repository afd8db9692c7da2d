/** A process that opens the service with the smallest settings and prints, as JSON, the files of packages that it then has loaded. */
import { createRequire, registerHooks } from 'node:module'
import { listeningSettings } from './environment.ts'

const files: string[] = []
registerHooks({
  load(url, context, next) {
    files.push(url)
    return next(url, context)
  },
})
// Only now, so that what it loads is seen.
const { openService } = await import('../../src/compose.ts')
const { parseConfig } = await import('../../src/config.ts')
const settings = listeningSettings({ LOG_LEVEL: 'silent' })
const service = await openService(parseConfig(settings))
files.push(...Object.keys(createRequire(import.meta.url).cache))
const ofPackages = files.flatMap((file) => /.*\/node_modules\/(.+)/.exec(file)?.[1] ?? [])
process.stdout.write(JSON.stringify([...new Set(ofPackages)]))
await service.close()
