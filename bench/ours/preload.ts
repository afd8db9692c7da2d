/**
 * Loaded before dist/main.js (`--import`). The service is the built one, composed by its own compose.js; one function is
 * another: the permits of Vonage's quota are never short, since the largest quota that the settings take (1,000 a second) would
 * be all that is measured. Everything else of the quota, its queue and its promises, runs.
 */
import { registerHooks } from 'node:module'

const unlimited = new URL('./unlimited-permits.ts', import.meta.url).href
let replaced = false

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    if (!resolved.url.endsWith('/dist/vonage/quota.js')) return resolved
    if (!context.parentURL?.endsWith('/dist/stores.js')) return resolved
    replaced = true
    return { ...resolved, url: unlimited, format: 'module-typescript' }
  },
})

// Else the figures would be those of the quota.
setTimeout(() => {
  if (!replaced) throw new Error('bench: dist/stores.js no longer imports vonage/quota.js')
}, 1000).unref()

// Only where the harness asked for it: how much is alive after a full collection.
if (process.send) {
  process.on('message', () => {
    globalThis.gc?.()
    process.send?.(process.memoryUsage().heapUsed)
  })
}
