/**
 * `npm run bench -- --duties`: what each duty of the service costs by itself, done in one plain file by the cheapest means, beside
 * all of them together and beside the service. What the duties cost there, no structure and no tuning of the service can save.
 */
import { type ContestResult, compare, runContest, warmUpSeconds } from './contest.ts'
import { span } from './contest-report.ts'
import { dutyContestants, type Surroundings } from './contestants.ts'
import { saveResult, table, writeSection } from './harness/document.ts'
import { machineText } from './harness/machine.ts'

const lengths = { rounds: 12, seconds: 1, warmUpSeconds }

export async function runDuties(surroundings: Surroundings, say: (text: string) => void): Promise<string> {
  const result = await runContest(surroundings, { ...lengths, contestants: dutyContestants, say })
  saveResult('duties', result)
  const text = dutiesText(result)
  writeSection('duties', text)
  return text
}

function dutiesText({ machine, standings }: ContestResult): string {
  const rows = standings.map(({ id, title }) => [
    title,
    span(compare({ standings }, id, 'limit').rate),
    span(compare({ standings }, 'limit', id).cpu),
  ])
  const head = ['the limit, and besides', 'throughput of the limit', 'CPU of the limit']
  return [machineText(machine), table(head, rows)].join('\n\n')
}
