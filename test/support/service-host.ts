/**
 * A process that opens services on request, for `service-process.ts`. Each is what `main.ts` opens from these settings; that
 * many share a process makes a fresh one cost milliseconds. The parent also moves either clock and weighs the
 * process.
 */
import crypto from 'node:crypto'
import { syncBuiltinESMExports } from 'node:module'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { openService, type Service } from '../../src/compose.ts'
import { parseConfig } from '../../src/config.ts'
import type { Command, Reply } from './service-process.ts'

const services: Service[] = []
const loopDelay = monitorEventLoopDelay({ resolution: 10 })
loopDelay.enable()

const monotonicMs = performance.now.bind(performance)
let advancedMs = 0
performance.now = () => monotonicMs() + advancedMs

const wallMs = Date.now
let jumpedMs = 0
Date.now = () => wallMs() + jumpedMs

const commands: { [name in keyof Command]: (argument: Command[name]) => Promise<unknown> } = {
  async open(settings) {
    const service = await openService(parseConfig(settings))
    return { index: services.push(service) - 1, url: service.url, managementUrl: service.managementUrl }
  },
  close: async (index) => services[index]?.close(),
  async advance(ms) {
    advancedMs += ms
  },
  async jumpWall(ms) {
    jumpedMs += ms
  },
  async sabotage(text) {
    crypto.randomBytes = () => {
      throw Object.assign(new Error(text), { detail: text })
    }
    syncBuiltinESMExports()
  },
  async weigh() {
    for (let round = 0; round < 3; round++) {
      globalThis.gc?.()
      await setImmediate()
    }
    const { heapUsed, rss } = process.memoryUsage()
    return { heapBytes: heapUsed, rssBytes: rss }
  },
  async loopDelay() {
    const p99Ms = loopDelay.percentile(99) / 1e6
    loopDelay.reset()
    return p99Ms
  },
}

process.on(
  'message',
  async ({ id, name, argument }: { id: number; name: keyof Command; argument: never }) => {
    const reply: Reply = await commands[name](argument).then(
      (value) => ({ id, value }),
      (error: Error) => ({ id, error: error.stack ?? error.message }),
    )
    process.send?.(reply)
  },
)
process.on('disconnect', () => process.exit())
