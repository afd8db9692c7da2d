/**
 * `npm run bench -- --duties`: what each duty of the service costs by itself, done in one plain file by the cheapest means, beside
 * all of them together and beside the service. What the duties cost there, no structure and no tuning of the service can save.
 */
import { compare, runContest } from './contest.ts'
import { dutyContestants, type Surroundings } from './contestants.ts'
import { figure, saveResult, table, writeSection } from './harness/document.ts'
import { machineText } from './harness/machine.ts'
import { pairedRatios, spread } from './harness/statistics.ts'

const lengths = { rounds: 12, seconds: 1, warmUpSeconds: 6 }

export async function runDuties(surroundings: Surroundings, say: (text: string) => void): Promise<string> {
  const result = await runContest(surroundings, { ...lengths, contestants: dutyContestants, say })
  saveResult('duties', result)
  const [limit] = result.standings
  const rows = result.standings.map(({ id, title, cpuUsPerRequest }) => {
    const { rate } = compare(result, id, 'limit')
    const cpu = spread(pairedRatios(cpuUsPerRequest, limit?.cpuUsPerRequest ?? []))
    return [title, figure(rate.median), `${figure(cpu.median)} (${figure(cpu.min)}–${figure(cpu.max)})`]
  })
  const head = ['the limit, and besides', 'throughput of the limit', 'CPU of the limit']
  const text = [machineText(result.machine), table(head, rows)].join('\n\n')
  writeSection('duties', text)
  return text
}
