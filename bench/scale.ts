/**
 * `npm run bench -- --scale`: what changes with size and load. Memory and pauses of the store, Redis, latency at a steady rate,
 * the start. `npm run bench -- --heap`: memory after a million requests, which takes minutes.
 */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Surroundings } from './contestants.ts'
import { cores, pinned } from './harness/cores.ts'
import { figure, saveResult, table, writeSection } from './harness/document.ts'
import { describeMachine, machineText } from './harness/machine.ts'
import { measureHeap } from './scale/heap.ts'
import { measureLatency } from './scale/latency.ts'
import type { RedisFigures } from './scale/redis.ts'
import { measureStart } from './scale/start.ts'
import type { StoreFigures } from './scale/store.ts'

const stores = [
  { states: 100_000, perCaller: 1 },
  { states: 100_000, perCaller: 5 },
  { states: 1_000_000, perCaller: 1 },
  { states: 1_000_000, perCaller: 5 },
]

export async function runScale(surroundings: Surroundings, say: (text: string) => void): Promise<string> {
  say('start')
  const start = await measureStart(surroundings)
  say('memory store')
  const memory: StoreFigures[] = []
  for (const { states, perCaller } of stores)
    memory.push(await apart<StoreFigures>('store.ts', ['--expose-gc'], [states, perCaller]))
  say('Redis store')
  const redis = await apart<RedisFigures>('redis.ts', [], [])
  say('latency')
  const latency = await measureLatency(surroundings)
  const machine = describeMachine()
  saveResult('scale', { machine, start, memory, redis, latency })
  const text = [
    machineText(machine),
    '**Memory store**',
    table(
      [
        'live states',
        'per caller',
        'bytes per state',
        'µs per put',
        'longest block, ms: put',
        'take',
        'expire',
      ],
      memory.map((one) => [
        ...[
          one.states.toLocaleString('en-US'),
          one.perCaller,
          Math.round(one.bytesPerState),
          figure(one.putUs),
        ],
        ...[one.putBlockMs, one.takeBlockMs, one.expireBlockMs].map(figure),
      ]),
    ),
    '**Redis store**, private server on loopback, automatic pipelining',
    table(
      ['starts and finishes under way', 'put + take a second', 'CPU µs of ours for both'],
      redis.map(({ parallel, perSecond, cpuUs }) => [parallel, figure(perSecond), figure(cpuUs)]),
    ),
    `**Latency at a steady rate**, 200 connections, requests one by one; the greatest rate was ${figure(latency.mostPerSecond)} a second`,
    table(
      [
        ...['load', 'a second', 'p50 ms', 'p99 ms', 'stub alone: p50 ms', 'p99 ms'],
        ...['added: p50 ms', 'p99 ms', 'over the limit: p50 ms', 'p99 ms'],
      ],
      latency.steps.map(({ share, perSecond, ours, stub, added, overLimit }) => [
        `${share * 100} %`,
        figure(perSecond),
        ...[ours, stub, added, overLimit].flatMap(({ p50Ms, p99Ms }) => [figure(p50Ms), figure(p99Ms)]),
      ]),
    ),
    '**The process**',
    table(
      ['', ''],
      [
        ['start to listening, median of 9, ms', figure(start.listeningMs)],
        ['CPU time until then, ms', figure(start.cpuMs)],
        ['RSS when idle, MiB', figure(start.idleRssMiB)],
      ],
    ),
  ].join('\n\n')
  writeSection('scale', text)
  return text
}

export async function runHeap(surroundings: Surroundings): Promise<string> {
  const heap = await measureHeap(surroundings)
  const machine = describeMachine()
  saveResult('heap', { machine, heap })
  const text = `${machineText(machine)}\n\n${table(
    ['heap in use after a full collection', 'MiB'],
    [
      ['idle', figure(heap.idleMiB)],
      [`after ${heap.requests.toLocaleString('en-US')} requests and one TTL`, figure(heap.afterMiB)],
      ['ratio', figure(heap.afterMiB / heap.idleMiB)],
    ],
  )}`
  writeSection('heap', text)
  return text
}

/** In a process of its own, on the server's core, so that one measurement's garbage is not another's. */
async function apart<T>(file: string, flags: string[], args: number[]): Promise<T> {
  const [command, commandArgs] = pinned(cores.server, process.execPath, [
    ...flags,
    join(import.meta.dirname, 'scale', file),
    ...args.map(String),
  ])
  const { stdout } = await promisify(execFile)(command, commandArgs)
  return JSON.parse(stdout) as T
}
