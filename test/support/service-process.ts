/** Fresh services in a process of their own, so that a test sees every byte that they print, and their weight alone. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Environment } from '../../src/config.ts'

export interface Memory {
  heapBytes: number
  rssBytes: number
}

/** What the process is asked, and with what. */
export interface Command {
  open: Environment
  close: number
  advance: number
  jumpWall: number
  weigh: undefined
  sabotage: string
  loopDelay: undefined
}

export interface Reply {
  id: number
  value?: unknown
  error?: string
}

export interface HostedService {
  url: string
  managementUrl: string
  close(): Promise<void>
}

export interface ServiceProcess {
  pid: number
  /** All that the services have printed; what they have written out, which for the last lines is when they close. */
  output(): string
  open(settings: Environment): Promise<HostedService>
  /** Moves the monotonic clock of all services here. Timers that run already stay as they are. */
  advance(ms: number): Promise<void>
  /** Changes the wall clock of all services here, as waking up from sleep or an administrator would. */
  jumpWall(ms: number): Promise<void>
  /** From now on no state can be made: a bug whose error has this text. */
  sabotage(text: string): Promise<void>
  /** After a garbage collection. */
  weigh(): Promise<Memory>
  /** The 99th percentile since the last question, in milliseconds, with the 10 ms of the timer that measures it. */
  loopDelayP99Ms(): Promise<number>
  close(): Promise<void>
}

/** @param caFile PEM of a certificate that is trusted besides the system's */
export async function openServiceProcess(caFile?: string): Promise<ServiceProcess> {
  const child = fork(join(import.meta.dirname, 'service-host.ts'), {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // Nothing of the shell's own settings.
    env: caFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: caFile },
  })
  let output = ''
  // The event `close` does not come after a `disconnect` from this side.
  const ended = Promise.all(
    [child, child.stdout, child.stderr].map(async (part) => {
      part?.on('data', (bytes: Buffer) => {
        output += bytes
      })
      if (part) await once(part, part === child ? 'exit' : 'close')
    }),
  )
  const replies = new Map<number, PromiseWithResolvers<unknown>>()
  child.on('message', ({ id, value, error }: Reply) => {
    const reply = replies.get(id)
    replies.delete(id)
    if (error === undefined) reply?.resolve(value)
    else reply?.reject(new Error(error))
  })
  void ended.then(() => {
    for (const reply of replies.values()) reply.reject(new Error(`the process ended:\n${output}`))
  })

  let asked = 0
  function ask<Name extends keyof Command>(name: Name, argument: Command[Name]): Promise<unknown> {
    const reply = Promise.withResolvers<unknown>()
    replies.set(++asked, reply)
    child.send({ id: asked, name, argument })
    return reply.promise
  }

  return {
    pid: child.pid ?? 0,
    output: () => output,
    async open(settings) {
      const opened = await ask('open', settings)
      const { index, url, managementUrl } = opened as { index: number; url: string; managementUrl: string }
      return { url, managementUrl, close: async () => void (await ask('close', index)) }
    },
    advance: async (ms) => void (await ask('advance', ms)),
    jumpWall: async (ms) => void (await ask('jumpWall', ms)),
    sabotage: async (text) => void (await ask('sabotage', text)),
    weigh: async () => (await ask('weigh', undefined)) as Memory,
    loopDelayP99Ms: async () => (await ask('loopDelay', undefined)) as number,
    async close() {
      if (child.connected) child.disconnect()
      await ended
    },
  }
}
