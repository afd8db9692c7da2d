/**
 * `npm run bench`: how close the service is to the limit of a Node BFF, and how far ahead of what people would use instead.
 *
 * Without arguments: the contest, 12 rounds, into docs/performance.md. `--quick`: 3 short rounds, printed only.
 * `--duties`, `--micro`, `--scale`, `--heap`, `--profile`: the other measurements. `--save-baseline` keeps the contest's figures
 * to compare with. `--against DIR`, with or without `--flags "…"`: beside another checkout.
 * docs/performance.md says how to read it all.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runAgainst } from './against.ts'
import { writeChart } from './chart.ts'
import { runContest, warmUpSeconds } from './contest.ts'
import { againstBaseline, contestTables, saveBaseline } from './contest-report.ts'
import { contestants, type Surroundings } from './contestants.ts'
import { runDuties } from './duties.ts'
import { pinHarness } from './harness/cores.ts'
import { saveResult, writeSection } from './harness/document.ts'
import { startStub } from './harness/stub.ts'
import { createKeys, createTokens } from './harness/tokens.ts'
import { runMicro } from './micro.ts'
import { runProfile } from './profile.ts'
import { runHeap, runScale } from './scale.ts'

const { values: asked } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    micro: { type: 'boolean', default: false },
    scale: { type: 'boolean', default: false },
    heap: { type: 'boolean', default: false },
    profile: { type: 'boolean', default: false },
    duties: { type: 'boolean', default: false },
    'save-baseline': { type: 'boolean', default: false },
    against: { type: 'string' },
    flags: { type: 'string', default: '' },
  },
})
const say = (text: string) => void process.stderr.write(`${text}\n`)
const print = (text: string) => void process.stdout.write(`\n${text}\n`)

// So that what was started ends with this process.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1))

for (const program of ['wrk', 'nginx', 'taskset'])
  if (spawnSync(program, ['-v']).error)
    throw new Error(`${program} is missing: apt-get install wrk nginx-light util-linux`)

if (asked.micro) {
  print(await runMicro())
} else {
  await prepare()
  const keys = createKeys()
  const stub = await startStub(keys.keySet)
  say('signing tokens')
  const tokens = await createTokens(stub.url, keys)
  pinHarness()
  try {
    await measure({ stub, tokens, privateKey: keys.privateKey })
  } finally {
    await stub.stop()
    tokens.remove()
  }
}

async function measure(surroundings: Surroundings): Promise<void> {
  const { against: directory, flags } = asked
  if (directory !== undefined) return print(await runAgainst(surroundings, { directory, flags }, say))
  if (asked.duties) return print(await runDuties(surroundings, say))
  if (asked.profile) return print(await runProfile(surroundings))
  if (asked.scale) return print(await runScale(surroundings, say))
  if (asked.heap) return print(await runHeap(surroundings))
  const lengths = asked.quick
    ? { rounds: 3, seconds: 1, warmUpSeconds }
    : { rounds: 12, seconds: 2, warmUpSeconds }
  const result = await runContest(surroundings, { ...lengths, contestants, say })
  saveResult(asked.quick ? 'quick' : 'contest', result)
  print(contestTables(result))
  print(againstBaseline(result))
  if (asked['save-baseline']) saveBaseline(result)
  if (asked.quick) return
  writeSection('contest', contestTables(result))
  writeChart(result)
}

/** The built service, and what the others need. */
async function prepare(): Promise<void> {
  const root = join(import.meta.dirname, '..')
  const run = (args: string[]) => {
    if (spawnSync('npm', args, { cwd: root, stdio: ['ignore', 2, 2] }).status !== 0)
      throw new Error(`npm ${args.join(' ')} failed`)
  }
  if (!existsSync(join(import.meta.dirname, 'node_modules'))) run(['ci', '--prefix', 'bench'])
  run(['run', '--silent', 'build'])
}
