/**
 * `npm run bench -- --profile`: where the service spends its time, by V8's sampling profiler: by part and by function alone, and by
 * our own functions with all that they call. What waits in the kernel shows as "(program)".
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allDuties, ours, route, type Surroundings } from './contestants.ts'
import { figure, table, writeSection } from './harness/document.ts'
import { load } from './harness/load.ts'
import { type ServerOptions, startServer } from './harness/server-process.ts'

const seconds = 12
/** The first half is start-up and warming up. */
const counted = 0.5

interface Frame {
  functionName: string
  url: string
  lineNumber: number
}

interface Profile {
  /** The root comes first. */
  nodes: { id: number; callFrame: Frame; children?: number[] }[]
  samples: number[]
  timeDeltas: number[]
  /** In the time that is counted. */
  requests: number
}

type Times = ReadonlyMap<string, number>

export async function runProfile(surroundings: Surroundings): Promise<string> {
  const repeated = await record(surroundings, 'repeated', (flags) => ours(surroundings, { flags }))
  const fresh = await record(surroundings, 'fresh', (flags) => ours(surroundings, { flags }))
  const duties = await record(surroundings, 'repeated', async (flags) => {
    const { args, env } = await allDuties.server(surroundings)
    return { args: [...flags, ...args], env }
  })
  const text = [
    'Repeated tokens, by part:',
    shares('part', repeated, sum(repeated, partOf), 14),
    'Repeated tokens, by function:',
    shares('function', repeated, sum(repeated, nameOf), 24),
    'Repeated tokens, our functions with all that they call before they wait:',
    shares('function', repeated, withCalled(repeated), 16),
    'Repeated tokens, what runs here and not in the file with the duties, in µs of a start:',
    differences(repeated, duties, 30),
    'New tokens, by part:',
    shares('part', fresh, sum(fresh, partOf), 14),
  ].join('\n\n')
  writeSection('profile', text)
  return text
}

/** Without --permission, which would forbid to write the profile; V8 writes it when the process ends. */
async function record(
  surroundings: Surroundings,
  kind: 'repeated' | 'fresh',
  serverWith: (flags: string[]) => ServerOptions | Promise<ServerOptions>,
): Promise<Profile> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-profile-'))
  const flags = [
    '--cpu-prof',
    `--cpu-prof-dir=${directory}`,
    '--cpu-prof-interval=500',
    '--disable-proto=delete',
  ]
  const server = await startServer(await serverWith(flags))
  const { requests } = await load({ url: server.url + route, tokens: surroundings.tokens[kind], seconds })
  await server.stop()
  const [file = ''] = readdirSync(directory)
  const profile = JSON.parse(readFileSync(join(directory, file), 'utf8')) as Profile
  rmSync(directory, { recursive: true })
  return { ...profile, requests: requests * counted }
}

/** Microseconds of each node by itself, without waiting. */
function selfTimes({ nodes, samples, timeDeltas }: Profile): Map<number, number> {
  const idle = new Set(
    nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id),
  )
  const times = new Map<number, number>()
  samples.forEach((id, index) => {
    if (index >= samples.length * counted && !idle.has(id)) add(times, id, timeDeltas[index] ?? 0)
  })
  return times
}

function sum(profile: Profile, naming: (frame: Frame) => string): Times {
  const times = selfTimes(profile)
  const byName = new Map<string, number>()
  for (const { id, callFrame } of profile.nodes) add(byName, naming(callFrame), times.get(id) ?? 0)
  return byName
}

/** A function that calls itself counts once. */
function withCalled(profile: Profile): Times {
  const times = selfTimes(profile)
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]))
  const byName = new Map<string, number>()
  function visit(id: number, above: readonly string[]): number {
    const { callFrame, children = [] } = nodes.get(id) as Profile['nodes'][number]
    const name = nameOf(callFrame)
    const within = children.reduce((us, child) => us + visit(child, [...above, name]), times.get(id) ?? 0)
    if (
      callFrame.url.includes('/dist/') &&
      !callFrame.url.includes('/node_modules/') &&
      !above.includes(name)
    )
      add(byName, name, within)
    return within
  }
  visit(profile.nodes[0]?.id ?? 0, [])
  return byName
}

function shares(title: string, profile: Profile, times: Times, count: number): string {
  const whole = total(selfTimes(profile))
  const most = [...times].toSorted(([, a], [, b]) => b - a).slice(0, count)
  return table(
    [title, 'share'],
    most.map(([name, us]) => [`\`${name}\``, `${figure((100 * us) / whole)} %`]),
  )
}

function differences(ours: Profile, others: Profile, count: number): string {
  const [here, there] = [sum(ours, nameOf), sum(others, nameOf)]
  const rows = [...new Set([...here.keys(), ...there.keys()])].map((name) => {
    const [a, b] = [(here.get(name) ?? 0) / ours.requests, (there.get(name) ?? 0) / others.requests]
    return { name, a, b, more: a - b }
  })
  const most = rows.toSorted((one, other) => other.more - one.more).slice(0, count)
  const all = { name: 'all', a: total(here) / ours.requests, b: total(there) / others.requests }
  return table(
    ['function', 'here', 'there', 'more'],
    [...most, { ...all, more: all.a - all.b }].map(({ name, a, b, more }) => [
      `\`${name}\``,
      figure(a),
      figure(b),
      figure(more),
    ]),
  )
}

function total(times: ReadonlyMap<unknown, number>): number {
  return [...times.values()].reduce((us, more) => us + more, 0)
}

function add<K>(times: Map<K, number>, key: K, us: number): void {
  times.set(key, (times.get(key) ?? 0) + us)
}

function nameOf({ functionName, url, lineNumber }: Frame): string {
  return url
    ? `${functionName || '(anonymous)'} ${shortened(url)}:${lineNumber + 1}`
    : functionName || '(native)'
}

function partOf({ functionName, url }: Frame): string {
  const short = shortened(url)
  if (url.includes('/node_modules/')) return /^(@[^/]+\/)?[^/]+/.exec(short)?.[0] ?? short
  if (url.startsWith('node:')) return url.split('/').slice(0, 3).join('/')
  return url ? short.split('/').slice(0, 2).join('/') : functionName || '(native)'
}

function shortened(url: string): string {
  return url.replace(/^.*\/(node_modules|dist)\//, (_, folder) => (folder === 'dist' ? 'dist/' : ''))
}
